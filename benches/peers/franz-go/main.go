// Command peer-franz-go measures franz-go, with the command line of the other peers (common/src/lib.rs).
package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	warmUpRecords       = 200
	bufferMemory        = 128 << 20
	partitionFetchBytes = 10 << 20
	letters             = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
)

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
		produce(client(options), records, values(number(arguments[4])))
	case "latency":
		options = append(options, kgo.DefaultProduceTopic(topic), kgo.ProducerLinger(0))
		latency(client(options), records, values(number(arguments[4])))
	default:
		options = append(options,
			kgo.ConsumeTopics(topic),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
			kgo.FetchMaxPartitionBytes(partitionFetchBytes))
		consume(options, records)
	}
}

func client(options []kgo.Opt) *kgo.Client {
	client, err := kgo.NewClient(options...)
	must(err)
	return client
}

func produce(client *kgo.Client, records int, values [][]byte) {
	defer client.Close()
	ctx := context.Background()
	var failed atomic.Int64
	begin := time.Now()
	for i := range records {
		client.Produce(ctx, &kgo.Record{Value: values[i%len(values)]}, func(_ *kgo.Record, err error) {
			if err != nil {
				failed.Add(1)
			}
		})
	}
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
	show("latency", records, wall, fmt.Sprintf(`,"p50_us":%d,"p99_us":%d`, times[records/2], times[records*99/100]))
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
