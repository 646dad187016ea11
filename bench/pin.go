package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// cores is how many cores every side gets: what two workers need, and no more, so that machines of different sizes
// measure the same thing.
const cores = 2

const pinned = "BENCH_PINNED" // set in the second life of this process, which taskset(1) starts

// pin restarts this process on two cores when it has more; every peer inherits them. It returns when nothing has
// to be done or nothing could be.
func pin() error {
	if os.Getenv(pinned) != "" || runtime.NumCPU() <= cores {
		return nil
	}
	taskset, err := exec.LookPath("taskset")
	if err != nil {
		return fmt.Errorf("taskset (util-linux) is missing: %w", err)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	cpus := distinctCores(allowed(string(status)), func(cpu int) string {
		b, err := os.ReadFile(filepath.Join("/sys/devices/system/cpu", fmt.Sprintf("cpu%d", cpu), "topology/thread_siblings_list"))
		if err != nil {
			return strconv.Itoa(cpu)
		}
		return string(b)
	})
	if len(cpus) < cores {
		return errors.New("fewer than two cores are allowed")
	}
	list := fmt.Sprintf("%d,%d", cpus[0], cpus[1])
	self, err := os.Executable()
	if err != nil {
		return err
	}
	argv := append([]string{taskset, "-c", list, self}, os.Args[1:]...)
	return syscall.Exec(taskset, argv, append(os.Environ(), pinned+"="+list))
}

// allowed reads the CPUs this process may use from /proc/self/status, proc_pid_status(5).
func allowed(status string) []int {
	var cpus []int
	for line := range strings.Lines(status) {
		ranges, found := strings.CutPrefix(line, "Cpus_allowed_list:")
		if !found {
			continue
		}
		for r := range strings.SplitSeq(strings.TrimSpace(ranges), ",") {
			first, last, isRange := strings.Cut(r, "-")
			if !isRange {
				last = first
			}
			lo, err1 := strconv.Atoi(first)
			hi, err2 := strconv.Atoi(last)
			if err1 != nil || err2 != nil {
				return nil
			}
			for cpu := lo; cpu <= hi; cpu++ {
				cpus = append(cpus, cpu)
			}
		}
	}
	return cpus
}

// distinctCores keeps one CPU of each core, as two threads of one core share what is measured.
func distinctCores(cpus []int, siblings func(cpu int) string) []int {
	var seen []string
	var first []int
	for _, cpu := range cpus {
		s := siblings(cpu)
		if !slices.Contains(seen, s) {
			seen = append(seen, s)
			first = append(first, cpu)
		}
	}
	if len(first) < cores {
		return cpus
	}
	return first
}
