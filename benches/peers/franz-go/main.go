// Command peer-franz-go measures franz-go, with the command line of the other peers (common/src/lib.rs).
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

const (
	warmUpRecords       = 200
	warmUpSeconds       = 2
	bufferMemory        = 128 << 20
	partitionFetchBytes = 10 << 20
	letters             = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
)

var contentType, trace = []byte("application/json"), []byte("4bf92f3577b34da6")

func main() {
	arguments := os.Args[1:]
	topic, records := arguments[2], number(arguments[3])
	options := []kgo.Opt{kgo.SeedBrokers(strings.Split(arguments[1], ",")...)}
	switch arguments[0] {
	case "produce":
		options = append(options,
			kgo.DefaultProduceTopic(topic),
			kgo.ProducerBatchCompression(codec(arguments[5])),
			kgo.ProducerLinger(time.Duration(number(arguments[6]))*time.Millisecond),
			kgo.ProducerBatchMaxBytes(int32(number(arguments[7]))),
			kgo.MaxBufferedRecords(1_000_000),
			kgo.MaxBufferedBytes(bufferMemory))
		words := arguments[8:]
		pool := pool{values: values(number(arguments[4]))}
		if _, ok := option(words, "keys"); ok {
			pool.keys = keys()
		}
		_, pool.headers = option(words, "headers")
		tasks := 1
		if count, ok := option(words, "tasks"); ok {
			tasks = number(count)
		}
		produce(client(append(options, login(words)...)), records, pool, tasks)
	case "latency":
		options = append(options, kgo.DefaultProduceTopic(topic), kgo.ProducerLinger(0))
		options = append(options, login(arguments[5:])...)
		latency(client(options), records, values(number(arguments[4])))
	case "rate":
		linger := time.Duration(number(arguments[5])) * time.Millisecond
		options = append(options, kgo.DefaultProduceTopic(topic), kgo.ProducerLinger(linger))
		options = append(options, login(arguments[7:])...)
		rate(client(options), records, number(arguments[6]), values(number(arguments[4])))
	default:
		options = append(options,
			kgo.ConsumeTopics(topic),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
			kgo.FetchMaxPartitionBytes(partitionFetchBytes))
		consume(append(options, login(arguments[5:])...), records)
	}
}

// option finds NAME or NAME=VALUE among the words that follow the work's own.
func option(words []string, name string) (string, bool) {
	for _, word := range words {
		if known, value, _ := strings.Cut(word, "="); known == name {
			return value, true
		}
	}
	return "", false
}

// login is SASL_SSL with SCRAM-SHA-512, if the words ask for it.
func login(words []string) []kgo.Opt {
	who, ok := option(words, "login")
	if !ok {
		return nil
	}
	user, password, _ := strings.Cut(who, ":")
	file, _ := option(words, "ca")
	pem, err := os.ReadFile(file)
	must(err)
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(pem)
	return []kgo.Opt{
		kgo.DialTLSConfig(&tls.Config{RootCAs: authorities}),
		kgo.SASL(scram.Auth{User: user, Pass: password}.AsSha512Mechanism()),
	}
}

func client(options []kgo.Opt) *kgo.Client {
	client, err := kgo.NewClient(options...)
	must(err)
	return client
}

// pool is what the records of a run are made of.
type pool struct {
	values, keys [][]byte
	headers      bool
}

func (pool *pool) record(i int) *kgo.Record {
	record := &kgo.Record{Value: pool.values[i%len(pool.values)]}
	if pool.keys != nil {
		record.Key = pool.keys[i%len(pool.keys)]
	}
	if pool.headers {
		record.Headers = []kgo.RecordHeader{
			{Key: "content-type", Value: contentType},
			{Key: "trace", Value: trace},
		}
	}
	return record
}

func produce(client *kgo.Client, records int, pool pool, tasks int) {
	defer client.Close()
	ctx := context.Background()
	var failed atomic.Int64
	var group sync.WaitGroup
	begin := time.Now()
	for task := range tasks {
		group.Go(func() {
			for i := records * task / tasks; i < records*(task+1)/tasks; i++ {
				client.Produce(ctx, pool.record(i), func(_ *kgo.Record, err error) {
					if err != nil {
						failed.Add(1)
					}
				})
			}
		})
	}
	group.Wait()
	must(client.Flush(ctx))
	show("produce", records, time.Since(begin), fmt.Sprintf(`,"errors":%d`, failed.Load()))
}

func latency(client *kgo.Client, records int, values [][]byte) {
	defer client.Close()
	ctx := context.Background()
	for i := range warmUpRecords {
		must(client.ProduceSync(ctx, &kgo.Record{Value: values[i]}).FirstErr())
	}
	times := make([]int64, records)
	begin := time.Now()
	for i := range records {
		sent := time.Now()
		must(client.ProduceSync(ctx, &kgo.Record{Value: values[i%len(values)]}).FirstErr())
		times[i] = time.Since(sent).Microseconds()
	}
	wall := time.Since(begin)
	slices.Sort(times)
	show("latency", records, wall, percentiles(times, 0))
}

// rate sends each record when it is due, and its time runs from then: what keeps it from being sent
// counts too. It sleeps in the kernel, because the runtime's timers have steps of a millisecond.
func rate(client *kgo.Client, records, perSecond int, values [][]byte) {
	defer client.Close()
	ctx := context.Background()
	runtime.LockOSThread()
	warmUp := warmUpSeconds * perSecond
	times := make([]int64, warmUp+records)
	var failed atomic.Int64
	begin := time.Now()
	due := func(i int) time.Time {
		return begin.Add(time.Duration(i) * time.Second / time.Duration(perSecond))
	}
	for i := range times {
		if left := time.Until(due(i)); left > 0 {
			pause := syscall.NsecToTimespec(left.Nanoseconds())
			_ = syscall.Nanosleep(&pause, nil)
		}
		client.Produce(ctx, &kgo.Record{Value: values[i%len(values)]}, func(_ *kgo.Record, err error) {
			times[i] = time.Since(due(i)).Microseconds()
			if err != nil {
				failed.Add(1)
			}
		})
	}
	must(client.Flush(ctx))
	wall := time.Since(due(warmUp))
	times = times[warmUp:]
	slices.Sort(times)
	show("latency", records, wall, percentiles(times, failed.Load()))
}

func percentiles(sorted []int64, failed int64) string {
	at := func(part int) int64 { return sorted[len(sorted)*part/1000] }
	return fmt.Sprintf(`,"p50_us":%d,"p99_us":%d,"p999_us":%d,"errors":%d`, at(500), at(990), at(999), failed)
}

func consume(options []kgo.Opt, count int) {
	begin := time.Now()
	client := client(options)
	records, bytes := 0, 0
	for records < count {
		fetches := client.PollFetches(context.Background())
		fetches.EachRecord(func(record *kgo.Record) {
			records++
			bytes += len(record.Value)
		})
	}
	show("consume", records, time.Since(begin), fmt.Sprintf(`,"bytes":%d`, bytes))
	client.Close()
}

func keys() [][]byte {
	keys := make([][]byte, 10_000)
	for id := range keys {
		keys[id] = fmt.Appendf(nil, "key-%012d", id)
	}
	return keys
}

func values(size int) [][]byte {
	values := make([][]byte, 1000)
	var state uint64 = 88172645463325252
	for id := range values {
		value := []byte(fmt.Sprintf(`{"id":%d,"event":"click","user":"`, id))
		for len(value) < size {
			state ^= state << 13
			state ^= state >> 7
			state ^= state << 17
			value = append(value, letters[state&63])
		}
		values[id] = value[:size]
	}
	return values
}

func show(op string, records int, wall time.Duration, figures string) {
	var usage syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	cpu := time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	fmt.Printf(`{"peer":"franz-go","op":%q,"records":%d,"wall_s":%.3f,"cpu_s":%.3f,"rss_kb":%d%s}`+"\n",
		op, records, wall.Seconds(), cpu.Seconds(), usage.Maxrss, figures)
}

func codec(name string) kgo.CompressionCodec {
	switch name {
	case "gzip":
		return kgo.GzipCompression()
	case "snappy":
		return kgo.SnappyCompression()
	case "lz4":
		return kgo.Lz4Compression()
	case "zstd":
		return kgo.ZstdCompression()
	}
	return kgo.NoCompression()
}

func number(word string) int {
	number, err := strconv.Atoi(word)
	must(err)
	return number
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
