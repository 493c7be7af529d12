import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * A transactional producer, and a reader of what transactions leave.
 *
 * <p>Arguments: the brokers and the transactional id. Every JSON line on stdin is a call (its name
 * is op) and is answered by one on stdout: the exception's class as error, or values for reads.
 */
final class Transactor {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private final String servers;
    private final KafkaProducer<String, String> producer;

    private Transactor(String servers, String id) {
        this.servers = servers;
        Map<String, Object> properties = new HashMap<>();
        properties.put("bootstrap.servers", servers);
        properties.put("transactional.id", id);
        producer = new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer());
    }

    public static void main(String[] arguments) throws Exception {
        Transactor transactor = new Transactor(arguments[0], arguments[1]);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, "UTF-8");
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            out.println(transactor.answer(MAPPER.readTree(line)));
            out.flush();
        }
    }

    private ObjectNode answer(JsonNode call) throws InterruptedException {
        ObjectNode answer = MAPPER.createObjectNode();
        try {
            act(call, answer);
        } catch (ExecutionException error) {
            answer.put("error", error.getCause().getClass().getSimpleName());
        } catch (RuntimeException error) {
            answer.put("error", error.getClass().getSimpleName());
            answer.put("message", String.valueOf(error.getMessage()));
        }
        return answer;
    }

    private void act(JsonNode call, ObjectNode answer) throws ExecutionException, InterruptedException {
        switch (call.get("op").asText()) {
            case "init":
                producer.initTransactions();
                break;
            case "begin":
                producer.beginTransaction();
                break;
            case "send":
                String topic = call.get("topic").asText();
                int partition = call.get("partition").asInt();
                producer.send(new ProducerRecord<>(topic, partition, null, call.get("value").asText())).get();
                break;
            case "commit":
                producer.commitTransaction();
                break;
            case "abort":
                producer.abortTransaction();
                break;
            case "read":
                read(call.get("topic").asText(), call.get("level").asText(), answer.putArray("values"));
                break;
            default:
                throw new IllegalArgumentException(call.toString());
        }
    }

    /** The values up to the ends that a reader of that level sees. */
    private void read(String topic, String level, ArrayNode values) {
        Map<String, Object> properties = new HashMap<>();
        properties.put("bootstrap.servers", servers);
        properties.put("isolation.level", level);
        properties.put("auto.offset.reset", "earliest");
        properties.put("enable.auto.commit", "false");
        StringDeserializer strings = new StringDeserializer();
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(properties, strings, strings)) {
            List<TopicPartition> partitions = new ArrayList<>();
            for (PartitionInfo info : consumer.partitionsFor(topic)) {
                partitions.add(new TopicPartition(topic, info.partition()));
            }
            consumer.assign(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            while (partitions.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(100))) {
                    values.add(record.value());
                }
            }
        }
    }
}
