// Readers of Falco's alerts in Go, on google.golang.org/grpc and the API's generated messages, as its Go client has them;
// "json" makes of each what the Go client's example prints.
//
//	go-reader read|json unix:///PATH
//	go-reader watch unix:///PATH ALERTS
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gogo/protobuf/jsonpb"
	"google.golang.org/grpc"

	"falco-readers/outputs"
)

type read struct {
	alerts, checksum, written uint64
	late                      []int64
	last                      time.Time
	gap                       int64
}

func sum(text string, sum uint64) uint64 {
	var first, last uint64
	if len(text) > 0 {
		first, last = uint64(text[0]), uint64(text[len(text)-1])
	}
	return sum*65599 + uint64(len(text))*31 + first*7 + last
}

// The same as Read::add of measured.rs.
func (r *read) add(alert *outputs.Response) {
	s := sum(alert.Rule, 0)
	s = sum(alert.OutputFields["proc.name"], s)
	s = sum(alert.OutputFields["dummy.user"], s)
	r.alerts++
	r.checksum = r.checksum*1000003 + s + uint64(alert.Priority)
}

func (r *read) came(alert *outputs.Response) {
	now := time.Now()
	r.late = append(r.late, now.Sub(alert.Time.AsTime()).Microseconds())
	if gap := now.Sub(r.last).Microseconds(); !r.last.IsZero() && gap > r.gap {
		r.gap = gap
	}
	r.last = now
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	begin := time.Now()
	work, target := os.Args[1], strings.Replace(os.Args[2], "unix://", "unix:", 1)
	connection, err := grpc.Dial(target, grpc.WithInsecure())
	check(err)
	client := outputs.NewServiceClient(connection)
	var r read
	if work == "watch" {
		alerts, err := strconv.ParseUint(os.Args[3], 10, 64)
		check(err)
		r.watch(client, alerts)
	} else {
		r.get(client, work == "json")
	}
	r.end(begin)
}

func (r *read) get(client outputs.ServiceClient, asJSON bool) {
	stream, err := client.Get(context.Background(), &outputs.Request{})
	check(err)
	for {
		alert, err := stream.Recv()
		if err == io.EOF {
			return
		}
		check(err)
		r.add(alert)
		if asJSON {
			line, err := (&jsonpb.Marshaler{}).MarshalToString(alert)
			check(err)
			r.written += uint64(len(line))
		}
	}
}

// Asks for more every second, as the Go client's OutputsWatch in its example.
func (r *read) watch(client outputs.ServiceClient, alerts uint64) {
	stream, err := client.Sub(context.Background())
	check(err)
	go func() {
		for stream.Send(&outputs.Request{}) == nil {
			time.Sleep(time.Second)
		}
	}()
	for r.alerts < alerts {
		alert, err := stream.Recv()
		check(err)
		if r.alerts > 0 {
			r.came(alert)
		}
		r.add(alert)
	}
}

func number(file, name string) uint64 {
	text, err := os.ReadFile(file)
	check(err)
	for _, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, name) {
			value, err := strconv.ParseUint(strings.Fields(line)[1], 10, 64)
			check(err)
			return value
		}
	}
	return 0
}

// One line, in the order that rounds.rs reads.
func (r *read) end(begin time.Time) {
	seconds := time.Since(begin).Seconds()
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	cpu := time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
	sort.Slice(r.late, func(a, b int) bool { return r.late[a] < r.late[b] })
	late := func(thousandth int) int64 {
		if len(r.late) == 0 {
			return 0
		}
		return r.late[(len(r.late)*thousandth+999)/1000-1]
	}
	fmt.Println(r.alerts, r.checksum, r.written, seconds, cpu, number("/proc/self/status", "VmHWM:"),
		usage.Nvcsw+usage.Nivcsw, late(500), late(990), late(999), late(1000), r.gap)
}
