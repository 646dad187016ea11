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
		about: "no-op tasks in two workers, time for each: 100,000 asked for at once (fewer of the slower peers), none grouped by the user",
		sides: taskSides("tasks"),
		series: []series{
			{"pool-tasks", atriumGo, "tasks", microseconds},
			{"pool-tasks-py", atriumPython, "tasks", microseconds},
		},
	}
}

func poolTripWork() work {
	return work{
		name:  "pool-rt",
		about: "no-op tasks in two workers, one after the other, each waited for",
		sides: taskSides("rt"),
		series: []series{
			{"pool-rt", atriumGo, "rt", microseconds},
			{"pool-rt-py", atriumPython, "rt", microseconds},
		},
	}
}

func taskSides(what string) []side {
	sides := []side{atriumTasks(atriumGo, what, increment), atriumTasks(atriumPython, what, incrementPython)}
	for _, name := range []string{"multiprocessing.Pool", "mpire", "loky", "ray", "dask"} {
		sides = append(sides, python(name, "tasks.py", map[string]any{"what": what}))
	}
	return sides
}

// atriumTasks maps or calls f, which adds one.
func atriumTasks(name, what string, f *pool.Function[int64, int64]) side {
	return side{name: name, open: func(ctx context.Context, h *host) (*session, error) {
		p, err := newPool(ctx, h, name, cores)
		if err != nil {
			return nil, err
		}
		timed := timeTasks
		if what == "rt" {
			timed = timeTrips
		}
		round := func(ctx context.Context, seed int) (map[string]float64, error) {
			seconds, err := timed(ctx, p, f, int64(seed))
			return map[string]float64{what: seconds}, err
		}
		return &session{round: round, close: p.Close}, nil
	}}
}

func timeTasks(ctx context.Context, p *pool.Pool, f *pool.Function[int64, int64], seed int64) (seconds float64, err error) {
	items := make([]int64, poolTasks)
	for i := range items {
		items[i] = seed + int64(i)
	}
	start := time.Now()
	out, err := f.Map(ctx, p, items)
	took := time.Since(start)
	if err != nil {
		return 0, err
	}
	for i, v := range out {
		if err := plusOne(v, items[i]); err != nil {
			return 0, err
		}
	}
	return took.Seconds() / poolTasks, nil
}

func timeTrips(ctx context.Context, p *pool.Pool, f *pool.Function[int64, int64], seed int64) (seconds float64, err error) {
	start := time.Now()
	for v := seed; v < seed+poolTrips; v++ {
		got, err := f.Call(ctx, p, v)
		if err == nil {
			err = plusOne(got, v)
		}
		if err != nil {
			return 0, err
		}
	}
	return time.Since(start).Seconds() / poolTrips, nil
}

func plusOne(got, v int64) error {
	if got != v+1 {
		return fmt.Errorf("wrong result: got %d, want %d", got, v+1)
	}
	return nil
}
