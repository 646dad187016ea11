package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"example.com/atrium/manager"
)

// metrics writes what Prometheus reads: https://prometheus.io/docs/instrumenting/exposition_formats/, text format 0.0.4.
func metrics(st manager.Status, self selfStat) []byte {
	var b bytes.Buffer
	family := func(name, kind, help string) { fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind) }
	one := func(name, kind, help string, v float64) {
		family(name, kind, help)
		fmt.Fprintf(&b, "%s %s\n", name, float(v))
	}
	c := st.Counts
	family("atrium_info", "gauge", "Version of atrium.")
	fmt.Fprintf(&b, "atrium_info{version=%q} 1\n", st.Version)
	one("atrium_manager_connections", "gauge", "Open connections.", float64(st.Connections))
	waiting := 0
	for _, c := range st.Clients {
		if c.Method != "" {
			waiting++
		}
	}
	one("atrium_manager_clients", "gauge", "Connections that call methods: threads of Python processes.", float64(len(st.Clients)))
	one("atrium_manager_clients_waiting", "gauge", "Clients that wait in a call, for a lock or a value.", float64(waiting))
	one("atrium_manager_connections_total", "counter", "Connections that proved the key.", float64(c.Connections))
	family("atrium_manager_turned_away_total", "counter", "Clients that were turned away.")
	for _, v := range []struct {
		reason string
		n      uint64
	}{{"key", c.AwayKey}, {"user", c.AwayUser}, {"full", c.AwayFull}, {"other", c.AwayOther}} {
		fmt.Fprintf(&b, "atrium_manager_turned_away_total{reason=%q} %d\n", v.reason, v.n)
	}
	family("atrium_manager_objects", "gauge", "Objects, by type.")
	for _, t := range slices.Sorted(maps.Keys(st.Types)) {
		fmt.Fprintf(&b, "atrium_manager_objects{type=\"%s\"} %d\n", escape.Replace(t), st.Types[t])
	}
	one("atrium_manager_objects_made_total", "counter", "Objects that were made.", float64(c.Made))
	one("atrium_manager_requests_total", "counter", "Requests to the server itself: to make objects, to count references.", float64(c.Requests))
	family("atrium_manager_calls_total", "counter", "Calls of methods, by answer: result, exception, or failed to be a call.")
	fmt.Fprintf(&b, "atrium_manager_calls_total{answer=\"result\"} %d\natrium_manager_calls_total{answer=\"exception\"} %d\natrium_manager_calls_total{answer=\"failed\"} %d\n",
		c.Returned, c.Raised, c.Failed)
	one("atrium_manager_memory_errors_total", "counter", "Calls refused because of --max-memory.", float64(c.MemoryOut))
	one("atrium_manager_received_bytes_total", "counter", "Bytes of calls.", float64(c.Received))
	one("atrium_manager_sent_bytes_total", "counter", "Bytes of their answers.", float64(c.Sent))
	const seconds = "atrium_manager_call_seconds"
	family(seconds, "histogram", "How long calls took in the server that did not wait for others; one in 16 is measured.")
	sum := uint64(0)
	for i, bound := range c.Took.Bounds {
		sum += c.Took.Calls[i]
		fmt.Fprintf(&b, "%s_bucket{le=\"%s\"} %d\n", seconds, float(bound), sum)
	}
	sum += c.Took.Calls[len(c.Took.Bounds)]
	fmt.Fprintf(&b, "%s_bucket{le=\"+Inf\"} %d\n%s_sum %s\n%s_count %d\n", seconds, sum, seconds, float(c.Took.Seconds), seconds, sum)
	one("atrium_manager_heap_bytes", "gauge", "Memory of objects, and garbage that was not collected yet.", float64(st.Heap))
	one("atrium_manager_max_memory_bytes", "gauge", "What --max-memory allows, 0 for anything.", float64(st.Most))
	one("process_start_time_seconds", "gauge", "When the server began, in seconds since 1970.", float64(st.Started.UnixMilli())/1000)
	one("process_cpu_seconds_total", "counter", "Processor time, in seconds.", self.cpu.Seconds())
	one("process_resident_memory_bytes", "gauge", "Resident memory.", float64(self.resident))
	one("process_open_fds", "gauge", "Open descriptors.", float64(self.files))
	one("process_max_fds", "gauge", "Descriptors that may be open.", float64(self.mostFiles))
	return b.Bytes()
}

func float(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// escape makes a text fit for a label.
var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// selfStat is what the kernel knows of this process.
type selfStat struct {
	cpu              time.Duration
	resident         int64
	files, mostFiles uint64
}

// readSelf leaves zero what cannot be read.
func readSelf() (s selfStat) {
	var use syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &use) == nil {
		s.cpu = time.Duration(use.Utime.Nano() + use.Stime.Nano())
	}
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		if f := strings.Fields(string(b)); len(f) > 1 {
			pages, _ := strconv.ParseInt(f[1], 10, 64)
			s.resident = pages * int64(os.Getpagesize())
		}
	}
	if d, err := os.ReadDir("/proc/self/fd"); err == nil {
		s.files = uint64(len(d))
	}
	var most syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &most) == nil {
		s.mostFiles = most.Cur
	}
	return s
}

// warnOfFiles tells when there are too few descriptors for that many clients.
func warnOfFiles(clients int, log *serverLog) {
	if s := readSelf(); s.mostFiles > 0 && s.mostFiles < s.files+uint64(clients) {
		log.Warn("fewer descriptors than --max-clients needs: raise the limit (ulimit -n, LimitNOFILE=), or clients wait to connect",
			"descriptors", s.mostFiles, "max_clients", clients)
	}
}
