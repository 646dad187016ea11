package main

import "time"

const (
	handoffElements = 10_000_000 // 80 MB of float64
	handoffAgain    = 200        // hand-overs averaged into one round's "again"
)

func arrayHandoff() work {
	setup := map[string]any{"elements": handoffElements}
	return work{
		name: "array-handoff",
		about: "hand an 80 MB float64 array to a worker, which reads one element; filling it is not counted; " +
			"by Go and by Python workers, the first time and again",
		sides: []side{
			atriumHandoff(atriumGo),
			atriumHandoff(atriumPython),
			python("multiprocessing.Pool.apply", "handoff.py", setup),
			python("multiprocessing.SharedMemory", "handoff.py", setup),
			python("joblib", "handoff.py", setup),
			python("ray", "handoff.py", setup),
			python("dask", "handoff.py", setup),
		},
		series: []series{
			{"array-handoff-go-first", atriumGo, "first", microseconds},
			{"array-handoff-go-again", atriumGo, "again", microseconds},
			{"array-handoff-py-first", atriumPython, "first", microseconds},
			{"array-handoff-py-again", atriumPython, "again", microseconds},
		},
	}
}

// timeHandoff is one round: hand gives the array to the worker and returns the element at i, which is seed + i.
func timeHandoff(seed int, hand func(i int) (float64, error)) (map[string]float64, error) {
	start := time.Now()
	v, err := hand(1)
	first := time.Since(start)
	if err != nil {
		return nil, err
	}
	if err := same(v, float64(seed+1)); err != nil {
		return nil, err
	}
	start = time.Now()
	for i := range handoffAgain {
		v, err := hand(i)
		if err != nil {
			return nil, err
		}
		if err := same(v, float64(seed+i)); err != nil {
			return nil, err
		}
	}
	again := time.Since(start)
	return map[string]float64{"first": first.Seconds(), "again": again.Seconds() / handoffAgain}, nil
}
