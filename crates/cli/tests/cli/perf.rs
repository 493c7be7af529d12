//! The measurements of `milena perf`: that they do what they count.

use milena_broker::Broker;
use serde_json::Value;

use crate::program::Cluster;

fn figures(cluster: &Cluster, what: &str, options: &str) -> Value {
    let ended = cluster.run(what, &format!("-t cars {options} --json"), "");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).unwrap()
}

#[test]
fn perf_produces_records_with_keys_and_headers_from_several_tasks() {
    let cluster = Cluster::start(Broker::builder().topic("cars", 3));
    let options = "--records 1001 --size 20 --keys --headers --tasks 4";
    let line = figures(&cluster, "perf produce", options);
    assert_eq!((&line["records"], &line["errors"]), (&1001.into(), &0.into()));
    let read = cluster.run("consume", "-t cars -o beginning -e --json", "");
    let records: Vec<Value> =
        read.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut keys: Vec<&str> =
        records.iter().map(|record| record["key"].as_str().unwrap()).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!((records.len(), keys.len()), (1001, 1001));
    for record in &records {
        assert_eq!(record["headers"].as_array().unwrap().len(), 2, "{record}");
    }
    let partitions = records.iter().map(|record| record["partition"].as_i64().unwrap());
    assert_eq!(partitions.collect::<std::collections::BTreeSet<_>>().len(), 3);
    cluster.stop();
}

#[test]
fn a_paced_run_takes_the_time_of_its_schedule() {
    let cluster = Cluster::start(Broker::builder().topic("cars", 3));
    let line = figures(&cluster, "perf latency", "--records 500 --rate 1000");
    assert_eq!((&line["records"], &line["errors"]), (&500.into(), &0.into()));
    assert!(line["wall_s"].as_f64().unwrap() >= 0.49, "{line}");
    assert!(line["p50_us"].as_u64() <= line["p999_us"].as_u64(), "{line}");
    cluster.stop();
}

#[test]
fn idle_clients_have_read_a_record_of_every_partition() {
    let cluster = Cluster::start(Broker::builder().topic("cars", 3));
    let line = figures(&cluster, "perf idle", "--seconds 0");
    assert_eq!(line["records"], 3);
    cluster.stop();
}

#[test]
fn a_stream_brings_what_polling_does() {
    let cluster = Cluster::start(Broker::builder().topic("cars", 3));
    figures(&cluster, "perf produce", "--records 300 --size 20");
    for options in ["--records 300", "--records 300 --stream"] {
        let line = figures(&cluster, "perf consume", options);
        assert_eq!((&line["records"], &line["bytes"]), (&300.into(), &6000.into()), "{options}");
    }
    cluster.stop();
}
