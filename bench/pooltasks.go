package main

import (
	"context"
	"fmt"
	"time"

	"example.com/atrium/pool"
)

const (
	poolTasks = 100_000 // asked for at once
	poolTrips = 1000    // one after the other, averaged into one round's "rt"
)

var increment = pool.Func("bench.increment", func(_ context.Context, v int64) (int64, error) { return v + 1, nil })

func poolTasksWork() work {
	return work{
		name:  "pool-tasks",
		about: "no-op tasks in two workers, time for each: 100,000 asked for at once (fewer of the slower peers), none grouped by the user; and one at a time (pool-rt)",
		sides: []side{
			atriumTasks(atriumGo, increment),
			atriumTasks(atriumPython, incrementPython),
			python("multiprocessing.Pool", "tasks.py", nil),
			python("mpire", "tasks.py", nil),
			python("loky", "tasks.py", nil),
			python("ray", "tasks.py", nil),
			python("dask", "tasks.py", nil),
		},
		series: []series{
			{"pool-tasks", atriumGo, "tasks", microseconds},
			{"pool-tasks-py", atriumPython, "tasks", microseconds},
			{"pool-rt", atriumGo, "rt", microseconds},
			{"pool-rt-py", atriumPython, "rt", microseconds},
		},
	}
}

// atriumTasks maps and calls f, which adds one.
func atriumTasks(name string, f *pool.Function[int64, int64]) side {
	return side{name: name, open: func(ctx context.Context, h *host) (*session, error) {
		p, err := newPool(ctx, h, name, cores)
		if err != nil {
			return nil, err
		}
		items := make([]int64, poolTasks)
		round := func(ctx context.Context, seed int) (map[string]float64, error) {
			for i := range items {
				items[i] = int64(seed + i)
			}
			start := time.Now()
			out, err := f.Map(ctx, p, items)
			many := time.Since(start)
			if err != nil {
				return nil, err
			}
			for i, v := range out {
				if v != items[i]+1 {
					return nil, fmt.Errorf("wrong result: got %d, want %d", v, items[i]+1)
				}
			}
			start = time.Now()
			for _, v := range items[:poolTrips] {
				got, err := f.Call(ctx, p, v)
				if err != nil {
					return nil, err
				}
				if got != v+1 {
					return nil, fmt.Errorf("wrong result: got %d, want %d", got, v+1)
				}
			}
			return map[string]float64{"tasks": many.Seconds() / poolTasks, "rt": time.Since(start).Seconds() / poolTrips}, nil
		}
		return &session{round: round, close: p.Close}, nil
	}}
}
