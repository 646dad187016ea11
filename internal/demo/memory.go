package demo

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// private is the resident memory of a process that is nobody else's: its heap and stacks (RssAnon in /proc/PID/status), in bytes.
// Pages of shared files do not count, though smaps calls those private that only one process has touched so far.
func private(pid int) int64 {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil { // it has just ended
		return 0
	}
	var kb int64
	for line := range strings.Lines(string(b)) {
		if _, err := fmt.Sscanf(line, "RssAnon: %d kB", &kb); err == nil {
			break
		}
	}
	return kb << 10
}

// peak watches the private memory of processes together, until the function it returns is called, which tells the most.
func peak(pids func() []int) (stop func() int64) {
	quit, most := make(chan struct{}), make(chan int64)
	go func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		var highest int64
		for {
			var sum int64
			for _, pid := range pids() {
				sum += private(pid)
			}
			highest = max(highest, sum)
			select {
			case <-tick.C:
			case <-quit:
				most <- highest
				return
			}
		}
	}()
	return func() int64 { close(quit); return <-most }
}

// children counts this process's children, zombies among them.
func children() (n int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // gone meanwhile
		}
		var state string
		var parent int
		stat := string(b)
		_, err = fmt.Sscan(stat[strings.LastIndexByte(stat, ')')+1:], &state, &parent)
		if err == nil && parent == os.Getpid() {
			n++
		}
	}
	return n
}

// mapped counts this process's mappings of files below dir.
func mapped(dir string) (n int, err error) {
	b, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if strings.Contains(line, " "+dir+"/") {
			n++
		}
	}
	return n, nil
}
