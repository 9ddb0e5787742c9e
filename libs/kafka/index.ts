/** Apache Kafka: the port (transport.ts) and KafkaJS behind it. */
export { connectKafka, type KafkaOptions } from './kafka-transport.js';
export { deadLetterHeaders, deadLetterTopic, type DeadLetterWhy } from './dead-letter.js';
export { partitionOf } from './partition-of.js';
export {
  BrokerUnavailable,
  type ConsumeOptions,
  type Consumption,
  type IncomingMessage,
  type LooseMessage,
  type OutgoingMessage,
  type PartitionEnds,
  type Publisher,
  PublisherFenced,
  type TopicSettings,
  type Transport,
} from './transport.js';
