//go:build linux

package sys

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// CPUs is how many processors this process may use: those of its affinity mask, or fewer when its control group
// has a quota (rounded up, at least 1).
func CPUs() int {
	var set unix.CPUSet
	n := 1
	if err := unix.SchedGetaffinity(0, &set); err == nil {
		n = max(1, set.Count())
	}
	return min(n, quota())
}

func quota() int {
	lowest := math.MaxInt
	for _, dir := range cgroups("cpu") {
		var max, period float64
		if f := strings.Fields(read(filepath.Join(dir, "cpu.max"))); len(f) == 2 { // version 2: "max 100000" or "150000 100000"
			max, _ = strconv.ParseFloat(f[0], 64)
			period, _ = strconv.ParseFloat(f[1], 64)
		} else {
			max, _ = strconv.ParseFloat(strings.TrimSpace(read(filepath.Join(dir, "cpu.cfs_quota_us"))), 64)
			period, _ = strconv.ParseFloat(strings.TrimSpace(read(filepath.Join(dir, "cpu.cfs_period_us"))), 64)
		}
		if max > 0 && period > 0 {
			lowest = min(lowest, int(math.Ceil(max/period)))
		}
	}
	return lowest
}

// MemoryLimit is the lowest memory limit of this process's control groups in bytes, 0 for none; group tells that the
// kernel kills every process of the group when it is passed (memory.oom.group).
func MemoryLimit() (limit int64, group bool) {
	for _, dir := range cgroups("memory") {
		for _, name := range []string{"memory.max", "memory.limit_in_bytes"} {
			n, err := strconv.ParseInt(strings.TrimSpace(read(filepath.Join(dir, name))), 10, 64)
			if err == nil && n > 0 && n < 1<<60 && (limit == 0 || n < limit) { // version 1 says 2^63 less a page for none
				limit = n
			}
		}
		group = group || strings.TrimSpace(read(filepath.Join(dir, "memory.oom.group"))) == "1"
	}
	return limit, group
}

// cgroups lists the directories that govern this process for a controller, its own and all above it.
func cgroups(controller string) []string {
	var dirs []string
	for line := range strings.Lines(read("/proc/self/cgroup")) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) != 3 || f[1] != "" && !strings.Contains(","+f[1]+",", ","+controller+",") {
			continue
		}
		root := "/sys/fs/cgroup"
		if f[1] != "" {
			root = filepath.Join(root, controller)
		}
		for d := filepath.Join(root, f[2]); len(d) >= len(root); d = filepath.Dir(d) {
			dirs = append(dirs, d)
		}
	}
	return dirs
}

func read(path string) string {
	b, err := os.ReadFile(path)
	if err != nil { // a controller that is not there sets no limit
		return ""
	}
	return string(b)
}
