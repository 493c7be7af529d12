import java.nio.ByteBuffer;
import java.util.HexFormat;

/** Bytes as lower case hex. */
final class Hex {
    private Hex() {}

    static String encode(byte[] bytes) {
        return HexFormat.of().formatHex(bytes);
    }

    static String encode(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return encode(bytes);
    }

    static ByteBuffer decode(String text) {
        return ByteBuffer.wrap(HexFormat.of().parseHex(text));
    }
}
