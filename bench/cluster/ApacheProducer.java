import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * BROKERS TOPIC OWN_TOPIC COUNT: Apache's own producer, idempotent and acks=all, sends the messages that the relay has put into a
 * topic, in the log's order and to the same partitions: once so that the machine has compiled what it runs, and once measured.
 * Prints events, seconds and CPU seconds of that.
 */
public class ApacheProducer {
  public static void main(String[] args) throws Exception {
    List<ConsumerRecord<byte[], byte[]>> messages = read(args[0], args[1], Integer.parseInt(args[3]));
    Properties settings = new Properties();
    settings.put("bootstrap.servers", args[0]);
    settings.put("acks", "all");
    settings.put("enable.idempotence", "true");
    settings.put("linger.ms", "5");
    settings.put("batch.size", String.valueOf(256 * 1024));
    settings.put("buffer.memory", String.valueOf(64 * 1024 * 1024));
    try (var producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
      send(producer, args[2], messages);
      var machine = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
      long cpu = machine.getProcessCpuTime();
      long started = System.nanoTime();
      send(producer, args[2], messages);
      double seconds = (System.nanoTime() - started) / 1e9;
      double cpuSeconds = (machine.getProcessCpuTime() - cpu) / 1e9;
      System.out.println(messages.size() + " " + seconds + " " + cpuSeconds);
    }
  }

  private static List<ConsumerRecord<byte[], byte[]>> read(String brokers, String topic, int count) {
    var messages = new ArrayList<ConsumerRecord<byte[], byte[]>>();
    Map<String, Object> settings = Map.of("bootstrap.servers", brokers);
    try (var consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      var partitions = consumer.partitionsFor(topic).stream().map(one -> new TopicPartition(topic, one.partition())).toList();
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      while (messages.size() < count) consumer.poll(Duration.ofSeconds(1)).forEach(messages::add);
    }
    messages.sort(Comparator.comparingLong(ApacheProducer::position));
    return messages.subList(0, count);
  }

  private static long position(ConsumerRecord<byte[], byte[]> message) {
    return Long.parseLong(new String(message.headers().lastHeader("position").value(), StandardCharsets.UTF_8));
  }

  /** Until all are acknowledged. */
  private static void send(
      KafkaProducer<byte[], byte[]> producer, String topic, List<ConsumerRecord<byte[], byte[]>> messages) {
    var refused = new ArrayList<Exception>();
    for (var message : messages) {
      var record =
          new ProducerRecord<>(topic, message.partition(), message.key(), message.value(), message.headers());
      producer.send(record, (acknowledged, error) -> {
        if (error != null) refused.add(error);
      });
    }
    producer.flush();
    if (!refused.isEmpty()) throw new IllegalStateException(refused.size() + " were refused", refused.get(0));
  }
}
