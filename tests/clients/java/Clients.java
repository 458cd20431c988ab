import com.amazonaws.auth.DefaultAWSCredentialsProviderChain;
import java.util.Map;
import java.util.function.Supplier;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;

/**
 * Prints the access key that the AWS SDK for Java finds with its default chain, v1 or v2; where it
 * is to show a renewal, again when that has changed.
 */
final class Clients {
    private static Supplier<String> sdkV1() {
        var chain = new DefaultAWSCredentialsProviderChain();
        return () -> chain.getCredentials().getAWSAccessKeyId();
    }

    private static Supplier<String> sdkV2() {
        var chain = DefaultCredentialsProvider.builder().build();
        return () -> chain.resolveCredentials().accessKeyId();
    }

    private static void untilRenewed(Supplier<String> key) throws InterruptedException {
        var first = key.get();
        System.out.println(first);
        if (System.getenv("TEST_RENEWAL") == null) return;
        for (int second = 0; second < 60; second++) {
            Thread.sleep(1000);
            var now = key.get();
            if (now.equals(first)) continue;
            System.out.println(now);
            return;
        }
    }

    public static void main(String[] args) throws InterruptedException {
        untilRenewed(Map.of("v1", sdkV1(), "v2", sdkV2()).get(args[0]));
    }
}
