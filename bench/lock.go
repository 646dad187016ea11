package main

import (
	"context"
	"encoding/binary"
	"fmt"

	"example.com/atrium/psync"
	"example.com/atrium/shm"
)

// How often a lock is taken and given back in one round, by each process.
const (
	lockTurns  = 1_000_000
	lockTurns2 = 100_000
)

const (
	atriumMutex = "atrium, psync.Mutex"
	floorMutex  = "floor: robust pthread mutex in C"
)

func lockWork() work {
	return work{
		name:   "lock",
		about:  "take a lock that nobody else wants and give it back",
		sides:  []side{processes(atriumMutex, nil, "lock"), python("multiprocessing.Lock", "locks.py", map[string]any{"processes": 1}), native(floorMutex, "lock.c", "lock")},
		series: []series{{"lock", atriumMutex, "turn", nanoseconds}},
	}
}

func lockWork2() work {
	return work{
		name:   "lock-2p",
		about:  "two processes that want the same lock all the time, and count under it; time for each turn of either",
		sides:  []side{processes(atriumMutex, nil, "lock-2p", "lock-2p"), python("multiprocessing.Lock", "locks.py", map[string]any{"processes": 2}), native(floorMutex, "lock.c", "lock-2p")},
		series: []series{{"lock-2p", atriumMutex, "turn", nanoseconds}},
	}
}

func init() {
	parts["lock"] = func() *part { return locker(1, lockTurns) }
	parts["lock-2p"] = func() *part { return locker(2, lockTurns2) }
}

// locker takes a mutex turns times in each round, and counts under it in a word that all processes share. They begin
// together, and the round ends with the last.
func locker(processes, turns int) *part {
	var space *shm.Space
	var m *psync.Mutex
	var start *psync.Barrier
	var count *shm.Segment
	ctx := context.Background()
	p := &part{}
	p.setup = func(with map[string]string, number int) (err error) {
		if space, err = shm.Open(with["space"]); err != nil {
			return err
		}
		if m, err = psync.OpenMutex(space, "mutex"); err != nil {
			return err
		}
		if start, err = psync.OpenBarrier(space, "start", processes); err != nil {
			return err
		}
		if number == 0 {
			count, err = space.Create("count", 64, nil)
		} else {
			count, err = space.Attach("count", true)
		}
		return err
	}
	p.round = func(int) (map[string]float64, error) {
		if err := start.Wait(ctx); err != nil {
			return nil, err
		}
		word := count.Bytes()
		before := uint64(0) // read by whoever comes first, as good as any
		each, err := timed(turns, func(n int) error {
			for i := range n {
				if err := m.Lock(ctx); err != nil {
					return err
				}
				if i == 0 {
					before = binary.NativeEndian.Uint64(word)
				}
				binary.NativeEndian.PutUint64(word, binary.NativeEndian.Uint64(word)+1)
				if err := m.Unlock(); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		if err := start.Wait(ctx); err != nil {
			return nil, err
		}
		if got := binary.NativeEndian.Uint64(word); got%uint64(processes*turns) != 0 || got < before+uint64(turns) {
			return nil, fmt.Errorf("wrong count: %d after rounds of %d", got, processes*turns)
		}
		return map[string]float64{"turn": each / float64(processes)}, nil
	}
	p.close = func() error { return space.Close() }
	return p
}
