'use strict'
// Loaded before anything else in the server process (server-run.ts).
//
// Node.js makes the class behind AsyncLocalStorage's frames ready when it is first asked for, by exchanging the prototype of a
// class that its own code already uses. If that code was compiled before, which is so once modules have been imported,
// V8 leaves the new prototype in its slow form for good: no function that makes a frame can be optimised, each
// is compiled over and over, in vain, and a request costs a tenth more. Asked for here, it comes before.
require('node:async_hooks').AsyncLocalStorage
