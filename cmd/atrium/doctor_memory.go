package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"example.com/atrium/internal/sys"
	"example.com/atrium/shm"
)

func checkShm() finding {
	f := finding{Name: "shared memory", Status: "ok"}
	dir := nearest(shm.DefaultPath())
	free, total, err := sys.Free(dir)
	kind, err2 := sys.FileSystem(dir)
	if err != nil || err2 != nil {
		f.Status, f.Found = "fail", fmt.Sprintf("%s cannot be used: %v", dir, firstError(err, err2))
		f.Advice, f.Command = "Mount a tmpfs there, or use a directory on a disk as the Space.", "export ATRIUM_SPACE=$HOME/.cache/atrium"
		return f
	}
	f.Found = fmt.Sprintf("%s: %s, %s free of %s", dir, orElse(kind, "unknown file system"), shm.Bytes(free), shm.Bytes(total))
	if kind == "tmpfs" && total == 0 {
		f.Found = dir + ": tmpfs without a limit"
		return f
	}
	switch {
	case kind != "tmpfs" && kind != "ext4" && kind != "xfs" && kind != "btrfs":
		f.Status, f.Advice = "warn", "A Space belongs on a local tmpfs, ext4, xfs or btrfs: locks and mappings may not work elsewhere."
		f.Command = "export ATRIUM_SPACE=/dev/shm/atrium"
	case total < 512<<20:
		f.Status = "warn"
		f.Advice = "Small: big arrays will not fit. Start the container with --shm-size=8g, or as root:"
		f.Command = "mount -o remount,size=8G " + dir
	case free < total/10:
		f.Status = "warn"
		f.Advice = "Nearly full: see what is there with atrium ls -a, and what dead processes left with:"
		f.Command = "atrium gc"
	}
	return f
}

// nearest is the file system's root in /dev/shm, else the nearest directory to path that is there.
func nearest(path string) string {
	if strings.HasPrefix(path, "/dev/shm/") {
		return "/dev/shm"
	}
	for _, err := os.Stat(path); err != nil && path != "/"; _, err = os.Stat(path) {
		path = filepath.Dir(path)
	}
	return path
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func checkMemory() finding {
	free := sys.AvailableMemory()
	f := finding{Name: "memory", Status: "ok", Found: shm.Bytes(free) + " available"}
	if free < 512<<20 {
		f.Status, f.Advice = "warn", "Little is left; arrays in shared memory are memory too. See which there are with:"
		f.Command = "atrium ls -a"
	}
	return f
}

func checkGroup() finding {
	limit, group := sys.MemoryLimit()
	f := finding{Name: "control group", Status: "ok", Found: "no memory limit"}
	if limit > 0 {
		f.Found = "memory limit " + shm.Bytes(limit)
	}
	if group {
		f.Status, f.Found = "warn", f.Found+", memory.oom.group is set"
		f.Advice = "When memory runs out the kernel kills the whole container, not one process. atrium gives each worker a\nbudget and replaces it before that; to have one process killed instead, where you may:"
		f.Command = "echo 0 > /sys/fs/cgroup/memory.oom.group"
	}
	return f
}

func checkFiles() finding {
	var l syscall.Rlimit
	f := finding{Name: "open files", Status: "ok"}
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		f.Status, f.Found = "warn", err.Error()
		return f
	}
	// The soft limit here is what Go raised it to, which is the hard one.
	f.Found = fmt.Sprintf("up to %d", l.Cur)
	if l.Cur < 4096 {
		f.Status, f.Advice = "warn", "Few: a worker needs some ten, a mapped array none. In the shell before atrium, or in the service's LimitNOFILE:"
		f.Command = "ulimit -n 65536"
	}
	return f
}

func checkMaps() finding {
	n, err := readInt("/proc/sys/vm/max_map_count")
	f := finding{Name: "mappings", Status: "ok", Found: fmt.Sprintf("up to %d in a process", n)}
	switch {
	case err != nil:
		f.Status, f.Found = "warn", "limit unknown: "+err.Error()
	case n < 65530:
		f.Status, f.Advice = "warn", "Few: each array that is open is one. As root:"
		f.Command = "sysctl vm.max_map_count=262144"
	}
	return f
}

func readInt(path string) (int, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(b)))
}
