package main

import (
	"context"
	"os"
	"strings"

	"example.com/atrium/process"
)

const stockManager = "multiprocessing.Manager"

var (
	gigabytes = unit{"GB/s", func(s float64) float64 { return 64 << 20 / s / 1e9 }} // of the 64 MiB of manager-64mb
	megabytes = unit{"MB", func(b float64) float64 { return b / 1e6 }}              // of memory, where the figures are bytes
)

// managerWorks compare stock clients of atrium's manager with those of CPython's own.
func managerWorks() []work {
	named := func(name, kind, about string, series ...series) work {
		return work{name: name, about: about, series: series,
			sides: []side{servedPython(kind), python(stockManager, "managers.py", map[string]any{"kind": kind})}}
	}
	one := named("manager-1", "one", "set, and get, an entry of a managed dict from one stock client",
		series{"manager-1", atriumManager, "set", microseconds}, series{"manager-1-get", atriumManager, "get", microseconds})
	one.sides = append(one.sides, echo())
	return []work{
		one,
		named("manager-4", "four", "set an entry of a managed dict, from 4 stock clients at once; the time is all calls'",
			series{"manager-4", atriumManager, "set", microseconds}),
		named("manager-create", "create", "make a managed list, and let the last one go",
			series{"manager-create", atriumManager, "create", microseconds}),
		named("manager-64mb", "big", "a value of 64 MiB into a managed dict, and out of it",
			series{"manager-64mb-set", atriumManager, "set", gigabytes}, series{"manager-64mb-get", atriumManager, "get", gigabytes}),
		named("manager-memory", "memory", "the memory of a server with 1,000 clients that do nothing, and of one with a dict of 1,000,000 ints",
			series{"manager-memory-idle", atriumManager, "idle", megabytes}, series{"manager-memory-dict", atriumManager, "entries", megabytes}),
	}
}

// servedPython is stock clients of atrium's server, which their process starts.
func servedPython(kind string) side {
	return side{name: atriumManager, open: func(ctx context.Context, h *host) (*session, error) {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		cmd := process.Again(self, []string{self}, partRole, "manager-server")
		env := map[string]string{}
		for _, v := range cmd.Env[len(os.Environ()):] { // what makes it that part
			name, value, _ := strings.Cut(v, "=")
			env[name] = value
		}
		p, _, err := startPython(ctx, h, "managers.py", atriumManager, map[string]any{"kind": kind, "argv": cmd.Args, "env": env})
		return p.session(), err
	}}
}

// echo is a stock client of a server in C that answers without looking.
func echo() side {
	const name = "floor: an echo in C"
	return side{name: name, open: func(ctx context.Context, h *host) (*session, error) {
		program, err := compile(ctx, h, "manager.c", "manager-echo")
		if err != nil {
			return nil, err
		}
		p, _, err := startPython(ctx, h, "managers.py", name, map[string]any{"program": program})
		return p.session(), err
	}}
}
