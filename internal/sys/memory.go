//go:build linux

package sys

import (
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
)

// AvailableMemory is how many bytes of memory could be allocated now without the kernel killing somebody: what the
// machine has available with its swap, or what is left of this process's control groups' limits when that is less.
func AvailableMemory() int64 {
	left := int64(math.MaxInt64)
	var free, swap int64
	for line := range strings.Lines(read("/proc/meminfo")) {
		_, _ = fmt.Sscanf(line, "MemAvailable: %d kB", &free) // other lines do not match
		_, _ = fmt.Sscanf(line, "SwapFree: %d kB", &swap)
	}
	if free > 0 {
		left = (free + swap) << 10
	}
	for _, dir := range cgroups("memory") {
		for _, v := range [][2]string{{"memory.max", "memory.current"}, {"memory.limit_in_bytes", "memory.usage_in_bytes"}} {
			limit, err1 := strconv.ParseInt(strings.TrimSpace(read(filepath.Join(dir, v[0]))), 10, 64)
			used, err2 := strconv.ParseInt(strings.TrimSpace(read(filepath.Join(dir, v[1]))), 10, 64)
			if err1 == nil && err2 == nil && limit < 1<<60 { // version 1 says 2^63 less a page for none
				left = min(left, max(0, limit-used+fileCache(dir)))
			}
		}
	}
	return left
}

// fileCache is what a control group's usage counts that the kernel gives back when it is needed.
func fileCache(dir string) int64 {
	var n int64
	for line := range strings.Lines(read(filepath.Join(dir, "memory.stat"))) {
		_, _ = fmt.Sscanf(line, "inactive_file %d", &n)
	}
	return n
}
