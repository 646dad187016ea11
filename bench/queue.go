package main

import (
	"context"
	"encoding/binary"
	"fmt"

	"example.com/atrium/ndarray"
	"example.com/atrium/psync"
	"example.com/atrium/queue"
	"example.com/atrium/shm"
)

const (
	queueSmall  = 400_000 // messages of each producer in a round
	queueFour   = 100_000
	queueBig    = 400
	queueArrays = 2_000
	queueBatch  = 64
	bigMessage  = 1 << 20
	arrayLength = 1 << 20 // elements, 8 MB
)

const (
	atriumQueue = "atrium, queue.Queue"
	floorRing   = "floor: a ring in Go that does not survive a death"
	floorMemcpy = "floor: memcpy in C"
)

func queueWorks() []work {
	message := func(name string, u unit) []series { return []series{{name, atriumQueue, "message", u}} }
	peer := func(name, program string, with map[string]any) side { return python(name, program, with) }
	small := map[string]any{"producers": 1, "kind": "small"}
	batch := map[string]any{"producers": 1, "kind": "batch"}
	four := map[string]any{"producers": 4, "kind": "small"}
	return []work{{
		name:   "queue-small",
		about:  "8-byte messages from one process to another, one at a time",
		series: message("queue-small", nanoseconds),
		sides: []side{
			processes(atriumQueue, nil, "queue-put", "queue-get"),
			peer("multiprocessing.Queue", "queues.py", small), peer("multiprocessing.SimpleQueue", "queues.py", small), peer("faster-fifo", "queues.py", small),
			processes("Go, os.Pipe", nil, "pipe-write"), processes(floorRing, nil, "ring-put", "ring-get"),
		},
	}, {
		name:   "queue-small-batch",
		about:  "the same in batches of 64, where there are any; multiprocessing.Queue one at a time",
		series: message("queue-small-batch", nanoseconds),
		sides: []side{
			processes(atriumQueue, nil, "queue-put-many", "queue-get-many"),
			processes("atrium, one at a time", nil, "queue-put", "queue-get"),
			peer("multiprocessing.Queue", "queues.py", small), peer("faster-fifo", "queues.py", batch),
		},
	}, {
		name:   "queue-4p",
		about:  "8-byte messages from four processes to a fifth, one at a time",
		series: message("queue-4p", nanoseconds),
		sides: []side{
			processes(atriumQueue, nil, "queue-put-4", "queue-put-4", "queue-put-4", "queue-put-4", "queue-get-4"),
			peer("multiprocessing.Queue", "queues.py", four), peer("faster-fifo", "queues.py", four),
		},
	}, {
		name:   "queue-1mb",
		about:  "1 MiB messages from one process to another, which reads every byte",
		series: message("queue-1mb", microseconds),
		sides: []side{
			processes(atriumQueue, nil, "queue-put-1mb", "queue-get-1mb"),
			peer("multiprocessing.Queue", "queues.py", map[string]any{"producers": 1, "kind": "big"}),
			native(floorMemcpy, "pipe.c", "memcpy"),
		},
	}, {
		name:   "queue-array",
		about:  "an 8 MB float64 array that has a name, from one process to another, which reads one element; multiprocessing.Queue by value",
		series: message("queue-array", microseconds),
		sides: []side{
			processes(atriumQueue, nil, "queue-put-array", "queue-get-array"),
			peer("multiprocessing.Queue", "queues.py", map[string]any{"producers": 1, "kind": "array"}),
		},
	}}
}

func init() {
	small := queue.Config{}
	parts["queue-put"] = func() *part { return passer(2, queueSmall, queueSmall, small, putEach) }
	parts["queue-get"] = func() *part { return passer(2, queueSmall, queueSmall, small, getEach(1)) }
	parts["queue-put-many"] = func() *part { return passer(2, queueSmall, queueSmall, small, putMany) }
	parts["queue-get-many"] = func() *part { return passer(2, queueSmall, queueSmall, small, getMany) }
	parts["queue-put-4"] = func() *part { return passer(5, queueFour, 4*queueFour, small, putEach) }
	parts["queue-get-4"] = func() *part { return passer(5, 4*queueFour, 4*queueFour, small, getEach(4)) }
	big := queue.Config{Capacity: 8, MaxValue: bigMessage}
	parts["queue-put-1mb"] = func() *part { return passer(2, queueBig, queueBig, big, putBig) }
	parts["queue-get-1mb"] = func() *part { return passer(2, queueBig, queueBig, big, getBig) }
	arrays := queue.Config{Capacity: 16}
	parts["queue-put-array"] = func() *part { return passer(2, queueArrays, queueArrays, arrays, putArrays) }
	parts["queue-get-array"] = func() *part { return passer(2, queueArrays, queueArrays, arrays, getArrays) }
}

// passer passes n messages of all through a queue in each round, as one of so many processes that begin and end together.
func passer[T any](processes, n, all int, cfg queue.Config, pass func(ctx context.Context, q *queue.Queue[T], n, seed int) error) *part {
	var q *queue.Queue[T]
	var r rendezvous
	ctx := context.Background()
	return &part{
		setup: func(with map[string]string, _ int) error {
			space, err := r.open(with, processes)
			if err == nil {
				q, err = queue.Open[T](space, "queue", cfg)
			}
			return err
		},
		round: func(seed int) (map[string]float64, error) {
			return r.round("message", all, func() error { return pass(ctx, q, n, seed) })
		},
		close: r.close,
	}
}

// benchSpace is the one that this part's objects are in.
var benchSpace *shm.Space

// rendezvous has processes begin and end a round together.
type rendezvous struct {
	space   *shm.Space
	barrier *psync.Barrier
}

func (r *rendezvous) open(with map[string]string, processes int) (_ *shm.Space, err error) {
	if r.space, err = shm.Open(with["space"]); err == nil {
		benchSpace = r.space
		r.barrier, err = psync.OpenBarrier(r.space, "start", processes)
	}
	return r.space, err
}

func (r *rendezvous) round(metric string, n int, do func() error) (map[string]float64, error) {
	ctx := context.Background()
	if err := r.barrier.Wait(ctx); err != nil {
		return nil, err
	}
	each, err := timed(n, func(int) error {
		if err := do(); err != nil {
			return err
		}
		return r.barrier.Wait(ctx)
	})
	return map[string]float64{metric: each}, err
}

func (r *rendezvous) close() error { return r.space.Close() }

func putEach(ctx context.Context, q *queue.Queue[int64], n, seed int) error {
	for i := range n {
		if err := q.Put(ctx, int64(seed+i)); err != nil {
			return err
		}
	}
	return nil
}

// getEach checks the sum of what so many producers put.
func getEach(producers int) func(ctx context.Context, q *queue.Queue[int64], n, seed int) error {
	return func(ctx context.Context, q *queue.Queue[int64], n, seed int) error {
		sum := int64(0)
		for range n {
			v, err := q.Get(ctx)
			if err != nil {
				return err
			}
			sum += v
		}
		return checkSum(sum, producers, n/producers, seed)
	}
}

func checkSum(sum int64, producers, n, seed int) error {
	if want := int64(producers) * int64(n) * int64(2*seed+n-1) / 2; sum != want {
		return fmt.Errorf("wrong sum: got %d, want %d", sum, want)
	}
	return nil
}

func putMany(ctx context.Context, q *queue.Queue[int64], n, seed int) error {
	batch := make([]int64, queueBatch)
	for i := 0; i < n; i += queueBatch {
		for k := range batch {
			batch[k] = int64(seed + i + k)
		}
		if _, err := q.PutMany(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

func getMany(ctx context.Context, q *queue.Queue[int64], n, seed int) error {
	batch := make([]int64, queueBatch)
	sum := int64(0)
	for have := 0; have < n; {
		k, err := q.GetInto(ctx, batch)
		if err != nil {
			return err
		}
		for _, v := range batch[:k] {
			sum += v
		}
		have += k
	}
	return checkSum(sum, 1, n, seed)
}

func putBig(ctx context.Context, q *queue.Queue[[]byte], n, seed int) error {
	source := make([]byte, bigMessage)
	for i := range source {
		source[i] = byte(seed + i)
	}
	for range n {
		if err := q.Put(ctx, source); err != nil {
			return err
		}
	}
	return nil
}

func getBig(ctx context.Context, q *queue.Queue[[]byte], n, seed int) error {
	want := uint64(0)
	for i := range n {
		b, err := q.Borrow(ctx)
		if err != nil {
			return err
		}
		sum := sumWords(b.Data)
		if i == 0 {
			for k := 0; k < bigMessage; k += 8 {
				var w [8]byte
				for j := range w {
					w[j] = byte(seed + k + j)
				}
				want += binary.NativeEndian.Uint64(w[:])
			}
		}
		if sum != want || len(b.Data) != bigMessage {
			return fmt.Errorf("wrong message: %d bytes with sum %#x, want %#x", len(b.Data), sum, want)
		}
		if err := b.Release(); err != nil {
			return err
		}
	}
	return nil
}

// sumWords reads every byte.
func sumWords(b []byte) (sum uint64) {
	for ; len(b) >= 32; b = b[32:] {
		sum += binary.NativeEndian.Uint64(b) + binary.NativeEndian.Uint64(b[8:]) + binary.NativeEndian.Uint64(b[16:]) + binary.NativeEndian.Uint64(b[24:])
	}
	return sum
}

func putArrays(ctx context.Context, q *queue.Queue[placeOf], n, seed int) error {
	a, err := ndarray.New[float64](benchSpace, fmt.Sprint("array", seed), arrayLength)
	if err != nil {
		return err
	}
	a.Set(float64(seed), 7)
	for range n {
		if err := q.Put(ctx, placeOf{a, 7}); err != nil {
			return err
		}
	}
	return a.Close()
}

func getArrays(ctx context.Context, q *queue.Queue[placeOf], n, seed int) error {
	for range n {
		v, err := q.Get(ctx)
		if err != nil {
			return err
		}
		if err := same(v.Array.At(v.Index), float64(seed)); err != nil {
			return err
		}
		if err := v.Array.Close(); err != nil {
			return err
		}
	}
	return nil
}
