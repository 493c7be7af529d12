import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.types.Password;

/**
 * Writes the facts of Kafka's client configuration (names, types, defaults, valid values; no prose) as
 * producer.json, consumer.json and admin.json into the folder that is its one argument.
 *
 * Run: java -cp KAFKA_CLIENTS_JAR:SLF4J_API_JAR spec/java/ConfigSpec.java spec/config
 */
public class ConfigSpec {
    public static void main(String[] args) throws IOException {
        Path folder = Path.of(args[0]);
        Files.createDirectories(folder);
        Map<String, ConfigDef> clients = new LinkedHashMap<>();
        clients.put("producer", ProducerConfig.configDef());
        clients.put("consumer", ConsumerConfig.configDef());
        clients.put("admin", AdminClientConfig.configDef());
        for (Map.Entry<String, ConfigDef> client : clients.entrySet()) {
            Files.writeString(folder.resolve(client.getKey() + ".json"), json(client.getValue()), StandardCharsets.UTF_8);
        }
    }

    private static String json(ConfigDef definition) throws IOException {
        StringBuilder out = new StringBuilder();
        out.append("{\n  \"kafka\": ").append(string(version())).append(",\n  \"properties\": [\n");
        List<String> lines = new TreeMap<>(definition.configKeys()).values().stream()
            .map(ConfigSpec::property)
            .toList();
        out.append(String.join(",\n", lines)).append("\n  ]\n}\n");
        return out.toString();
    }

    private static String version() throws IOException {
        Properties properties = new Properties();
        try (InputStream in = ProducerConfig.class.getResourceAsStream("/kafka/kafka-version.properties")) {
            properties.load(in);
        }
        return properties.getProperty("version");
    }

    private static String property(ConfigDef.ConfigKey key) {
        String standard = key.hasDefault() ? value(key.defaultValue) : "null";
        String validator = key.validator == null ? "null" : string(key.validator.toString());
        return "    {\"name\": " + string(key.name)
            + ", \"type\": " + string(key.type.name().toLowerCase(java.util.Locale.ROOT))
            + ", \"required\": " + !key.hasDefault()
            + ", \"default\": " + standard
            + ", \"valid\": " + validator
            + ", \"internal\": " + key.internalConfig + "}";
    }

    private static String value(Object value) {
        if (value == null) {
            return "null";
        }
        if (value instanceof Number || value instanceof Boolean) {
            return value.toString();
        }
        if (value instanceof Password password) {
            return string(password.value());
        }
        if (value instanceof List<?> list) {
            return "[" + String.join(", ", list.stream().map(ConfigSpec::value).toList()) + "]";
        }
        if (value instanceof Class<?> type) {
            return string(type.getName());
        }
        return string(value.toString());
    }

    private static String string(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            switch (c) {
                case '"' -> out.append("\\\"");
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                default -> out.append(c);
            }
        }
        return out.append('"').toString();
    }
}
