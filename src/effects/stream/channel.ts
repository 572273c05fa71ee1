/**
 * One connection between a relay and a subscriber, as both see it: whole messages, in order, each at most once. Whatever
 * is wrong with it ends it.
 */
export interface Channel<Out> {
  /** Sends, or does nothing once it is closed. */
  send(message: Out): void
  /** Bytes that were sent and have not left this process. */
  readonly backlogBytes: number
  /** Ends it at once; {@link ChannelEvents.closed} is called before this returns. */
  close(reason: string): void
}

/** What a channel tells its owner. */
export interface ChannelEvents<In> {
  message(message: In): void
  /** Once, whoever ended it; nothing comes after it. */
  closed(reason: string): void
}

/** Makes the channel of a connection; nothing is told before it returns. */
export type Connect<In, Out> = (events: ChannelEvents<In>) => Channel<Out>
