import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.TreeMap;
import javax.security.auth.login.AppConfigurationEntry;
import org.apache.kafka.common.config.types.Password;
import org.apache.kafka.common.security.JaasContext;

/**
 * Writes what Java reads in random texts: properties.json (java.util.Properties) and jaas.json (Kafka's reader of
 * sasl.jaas.config) into the folder that is its one argument. The seed is fixed.
 *
 * Run: java -cp KAFKA_CLIENTS_JAR:SLF4J_API_JAR spec/java/ConfigGolden.java spec/config
 */
public class ConfigGolden {
    private static final String[] PROPERTY_PIECES = {
        "a", "b", "key", "=", ":", " ", "\t", "\f", "#", "!", "\\", "\\\\", "\n", "\r", "\r\n", "\\\n", "\\\r\n", "\\u0041",
        "\\u00e9", "\\t", "\\n", "\\ ", "\\=", "\u00e9", "\u20ac", "\n  ", "=b\n", "x=y\n"};
    private static final String[] INSIDE_QUOTES = {
        "a", "Z", "0", " ", ";", "=", "\\\"", "\\'", "\\n", "\\t", "\\101", "\\7", "\\08", "\\377", "\\477", "\\\\", "\\q", "//",
        "/*", "\u00e9", "\u20ac", "-", "_"};
    private static final String[] BETWEEN = {" ", "\n", "  ", "\t", " // c;\n", "/* c ; */", " /* ** / */ "};
    private static final String[] WORDS = {"a", "user-name", "b_2", "c$", "d.e", "\u00e9t\u00e9", "\u20ac", "true"};
    private static final String[] DAMAGE = {";", "=", "\"", "'", " x", "}", "\\", "required"};

    public static void main(String[] args) throws IOException {
        Path folder = Path.of(args[0]);
        Random random = new Random(20261121);
        List<String> properties = new ArrayList<>();
        for (int i = 0; i < 600; i++) {
            properties.add(properties(text(random, PROPERTY_PIECES, 14)));
        }
        write(folder.resolve("properties.json"), properties);
        List<String> jaas = new ArrayList<>();
        for (int i = 0; i < 600; i++) {
            jaas.add(jaas(line(random)));
        }
        write(folder.resolve("jaas.json"), jaas);
    }

    private static String text(Random random, String[] pieces, int most) {
        StringBuilder text = new StringBuilder();
        for (int i = random.nextInt(most) + 1; i > 0; i--) {
            text.append(pieces[random.nextInt(pieces.length)]);
        }
        return text.toString();
    }

    /** A line with any options; one in five is damaged. */
    private static String line(Random random) {
        StringBuilder line = new StringBuilder(random.nextBoolean() ? "" : one(random, BETWEEN));
        line.append("org.example.Module").append(one(random, BETWEEN)).append("required").append(one(random, BETWEEN));
        for (int i = random.nextInt(4); i > 0; i--) {
            line.append(one(random, WORDS)).append(random.nextInt(4) == 0 ? " = " : "=");
            switch (random.nextInt(3)) {
                case 0 -> line.append(one(random, WORDS));
                case 1 -> line.append('"').append(text(random, INSIDE_QUOTES, 8).replace("'", "")).append('"');
                default -> line.append('\'').append(text(random, INSIDE_QUOTES, 8).replace("\\'", "")).append('\'');
            }
            line.append(one(random, BETWEEN));
        }
        line.append(';');
        if (random.nextInt(5) == 0) {
            line.insert(random.nextInt(line.length() + 1), one(random, DAMAGE));
        }
        return line.toString();
    }

    private static String one(Random random, String[] pieces) {
        return pieces[random.nextInt(pieces.length)];
    }

    private static String properties(String text) throws IOException {
        Properties properties = new Properties();
        properties.load(new StringReader(text));
        Map<String, String> sorted = new TreeMap<>();
        properties.forEach((key, value) -> sorted.put((String) key, (String) value));
        return "{\"text\": " + string(text) + ", \"read\": " + object(sorted) + "}";
    }

    private static String jaas(String line) {
        String read;
        try {
            JaasContext context = JaasContext.loadClientContext(Map.of("sasl.jaas.config", new Password(line)));
            AppConfigurationEntry entry = context.configurationEntries().get(0);
            Map<String, String> options = new TreeMap<>();
            entry.getOptions().forEach((key, value) -> options.put(key, (String) value));
            read = "{\"module\": " + string(entry.getLoginModuleName()) + ", \"options\": " + object(options) + "}";
        } catch (RuntimeException refused) {
            read = "null";
        }
        return "{\"text\": " + string(line) + ", \"read\": " + read + "}";
    }

    private static void write(Path path, List<String> cases) throws IOException {
        Files.writeString(path, "[\n" + String.join(",\n", cases) + "\n]\n", StandardCharsets.UTF_8);
    }

    private static String object(Map<String, String> map) {
        Map<String, String> parts = new LinkedHashMap<>(map);
        return "{" + String.join(", ", parts.entrySet().stream()
            .map(entry -> string(entry.getKey()) + ": " + string(entry.getValue())).toList()) + "}";
    }

    private static String string(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < ' ' || c > '~') {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        return out.append('"').toString();
    }
}
