//! Kafka's own tools against Milena's embedded broker.

use milena_broker::Broker;

use crate::harness;
use crate::java;

/// Runs a tool beside the broker, which shares this test's runtime.
async fn tool(broker: &Broker, name: &'static str, arguments: &str, input: &str) -> String {
    let servers = broker.bootstrap_servers();
    let arguments: Vec<String> = arguments.split(' ').map(str::to_owned).collect();
    let input = input.to_owned();
    let run = tokio::task::spawn_blocking(move || {
        let given = arguments.iter().map(String::as_str);
        let all: Vec<&str> = ["--bootstrap-server", &servers].into_iter().chain(given).collect();
        java::run(name, &all, &input)
    });
    crate::client::within(run).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn kafka_topics_manages_topics_of_the_embedded_broker() {
    let broker = Broker::start().await.unwrap();
    let create = "--create --topic cars --partitions 3 --replication-factor 1";
    tool(&broker, "topics", create, "").await;
    let described = tool(&broker, "topics", "--describe --topic cars", "").await;
    assert!(described.contains("PartitionCount: 3"), "{described}");
    assert!(described.contains("Leader: 1"), "{described}");
    tool(&broker, "topics", "--delete --topic cars", "").await;
    assert_eq!(tool(&broker, "topics", "--list", "").await.trim(), "");
    broker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn console_clients_and_groups_go_round_by_the_embedded_broker() {
    let broker = Broker::start().await.unwrap();
    let topic = harness::unique("console");
    broker.create_topic(&topic, 2).unwrap();
    let lines: Vec<String> = (0..50).map(|n| format!("key-{n}\tvalue {n}")).collect();
    let produce =
        format!("--topic {topic} --compression-codec zstd --reader-property parse.key=true");
    tool(&broker, "console-producer", &produce, &(lines.join("\n") + "\n")).await;
    let consume = format!(
        "--topic {topic} --group console --from-beginning --max-messages 50 --timeout-ms 60000 \
         --formatter-property print.key=true"
    );
    let read = tool(&broker, "console-consumer", &consume, "").await;
    let mut read: Vec<&str> = read.lines().collect();
    read.sort_unstable();
    let mut expected: Vec<&str> = lines.iter().map(String::as_str).collect();
    expected.sort_unstable();
    assert_eq!(read, expected);

    // The group's offsets, as the broker tells Java's admin client of them.
    let described = tool(&broker, "consumer-groups", "--describe --group console", "").await;
    let committed: i64 = described
        .lines()
        .filter(|line| line.contains(&topic))
        .map(|line| line.split_whitespace().nth(3).unwrap().parse::<i64>().unwrap())
        .sum();
    assert_eq!(committed, 50, "{described}");
    broker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn verifiable_clients_of_java_use_the_embedded_broker() {
    let broker = Broker::start().await.unwrap();
    let topic = harness::unique("verifiable");
    broker.create_topic(&topic, 3).unwrap();
    let produce = format!("--topic {topic} --max-messages 500 --acks -1");
    let produced = tool(&broker, "verifiable-producer", &produce, "").await;
    assert_eq!(produced.matches("\"name\":\"producer_send_success\"").count(), 500, "{produced}");
    let consume = format!("--topic {topic} --group-id verifiable --max-messages 500");
    let consumed = tool(&broker, "verifiable-consumer", &consume, "").await;
    let events = consumed.lines().filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok());
    let count: i64 = events
        .filter(|event| event["name"] == "records_consumed")
        .map(|event| event["count"].as_i64().unwrap())
        .sum();
    assert_eq!(count, 500, "{consumed}");
    broker.shutdown().await;
}
