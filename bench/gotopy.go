package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

const (
	callElements  = 1_000_000 // of the 8 MB array
	smallCalls    = 200       // averaged into one round's "8b"
	largeCalls    = 10        // averaged into one round's "8mb"
	calledElement = callElements - 1
)

func goToPy() work {
	return work{
		name:  "go-to-py",
		about: "Go calls a Python function with 8 bytes, which come back plus one, and with an 8 MB array, of which one element comes back",
		sides: []side{atriumCalls(), grpcSide(), connectionSide()},
		series: []series{
			{"go-to-py-8b", atriumPython, "8b", microseconds},
			{"go-to-py-8mb", atriumPython, "8mb", microseconds},
		},
	}
}

// timeCalls is one round of any side: increment gives back its argument plus one, last the last element of the
// 8 MB array after it was set to v. Setting it is not counted.
func timeCalls(seed int, increment func(int64) (int64, error), set func(v float64), last func() (float64, error)) (map[string]float64, error) {
	var small, large time.Duration
	start := time.Now()
	for i := range int64(smallCalls) {
		got, err := increment(int64(seed) + i)
		if err != nil {
			return nil, err
		}
		if want := int64(seed) + i + 1; got != want {
			return nil, fmt.Errorf("wrong result: got %d, want %d", got, want)
		}
	}
	small = time.Since(start)
	for i := range largeCalls {
		want := float64(seed*largeCalls + i)
		set(want)
		start := time.Now()
		got, err := last()
		if err != nil {
			return nil, err
		}
		large += time.Since(start)
		if got != want {
			return nil, fmt.Errorf("wrong result: got %v, want %v", got, want)
		}
	}
	return map[string]float64{"8b": small.Seconds() / smallCalls, "8mb": large.Seconds() / largeCalls}, nil
}

// bytesCalls is the session of a peer that sends bytes. The array is kept as bytes, so that the peer has nothing to
// convert.
func bytesCalls(call func(ctx context.Context, function string, in []byte) ([]byte, error), close func() error) *session {
	array := make([]byte, 8*callElements)
	eight := func(ctx context.Context, function string, in []byte) (uint64, error) {
		out, err := call(ctx, function, in)
		if err != nil {
			return 0, err
		}
		if len(out) != 8 {
			return 0, fmt.Errorf("%s gave %d bytes, want 8", function, len(out))
		}
		return binary.LittleEndian.Uint64(out), nil
	}
	round := func(ctx context.Context, seed int) (map[string]float64, error) {
		return timeCalls(seed,
			func(v int64) (int64, error) {
				out, err := eight(ctx, "increment", binary.LittleEndian.AppendUint64(nil, uint64(v)))
				return int64(out), err
			},
			func(v float64) {
				binary.LittleEndian.PutUint64(array[8*calledElement:], math.Float64bits(v))
			},
			func() (float64, error) {
				out, err := eight(ctx, "element", array)
				return math.Float64frombits(out), err
			})
	}
	return &session{round: round, close: close}
}
