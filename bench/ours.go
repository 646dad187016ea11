package main

import (
	"context"
	"errors"
	"path/filepath"

	"example.com/atrium/ndarray"
	"example.com/atrium/pool"
)

// The sides that are atrium. Their Python functions are those of bench/peers/kernels.py that the peers run too.
const (
	atriumGo     = "atrium, Go workers"
	atriumPython = "atrium, Python workers"
)

type array = ndarray.Array[float64]

type placeOf struct {
	Array array
	Index int
}

type rowOf struct {
	Source, Result array
	Row            int
}

var (
	readElement = pool.Func("bench.element", func(_ context.Context, in placeOf) (float64, error) {
		return in.Array.At(in.Index), nil
	})
	sumOfRow = pool.Func("bench.sum", func(_ context.Context, in rowOf) (float64, error) {
		return sumRow(in.Source.Row(in.Row)), nil
	})
	sobelOfRow = pool.Func("bench.sobel", func(_ context.Context, in rowOf) (struct{}, error) {
		sobelRows(in.Source.Row, in.Result.Row, in.Row, in.Row+1)
		return struct{}{}, nil
	})

	readElementPython = pool.PyFunc[pool.Args, float64]("kernels:element")
	sqrtPython        = pool.PyFunc[pool.Args, any]("kernels:sqrt_into")
	sumPython         = pool.PyFunc[pool.Args, float64]("kernels:sum_of")
	incrementPython   = pool.PyFunc[int64, int64]("kernels:increment")
	lastPython        = pool.PyFunc[array, float64]("kernels:last")
)

// newPool starts a pool whose Python workers run in the peers' environment and find kernels.py.
func newPool(ctx context.Context, h *host, name string, workers int) (*pool.Pool, error) {
	cfg := pool.Config{
		Workers: workers,
		Space:   filepath.Join(h.scratch, "space"),
		Output:  pool.Printer(h.log, h.log), // stdout is the report's
	}
	if name == atriumPython {
		interpreter, err := h.python()
		if err != nil {
			return nil, err
		}
		cfg.Python = pool.Python{Interpreter: interpreter, Import: []string{"kernels"}, Path: []string{filepath.Join(h.root, "bench", "peers")}}
	}
	return pool.New(ctx, cfg)
}

func closeAll(close func() error, arrays ...array) func() error {
	return func() error {
		var err error
		for _, a := range arrays {
			err = errors.Join(err, a.Close())
		}
		return errors.Join(err, close())
	}
}

// atriumHandoff hands a new array to one worker in each round.
func atriumHandoff(name string) side {
	return side{name: name, open: func(ctx context.Context, h *host) (*session, error) {
		p, err := newPool(ctx, h, name, 1)
		if err != nil {
			return nil, err
		}
		round := func(ctx context.Context, seed int) (times map[string]float64, err error) {
			a, err := ndarray.New[float64](p.Space(), "", handoffElements)
			if err != nil {
				return nil, err
			}
			defer func() { err = errors.Join(err, a.Close()) }()
			data, _ := a.Data()
			for i := range data {
				data[i] = float64(seed + i)
			}
			return timeHandoff(seed, func(i int) (float64, error) {
				if name == atriumPython {
					return readElementPython.Call(ctx, p, pool.Args{a, i})
				}
				return readElement.Call(ctx, p, placeOf{a, i})
			})
		}
		return &session{round: round, close: p.Close}, nil
	}}
}

// atriumRows maps Python functions over the rows of files.
func atriumRows(ctx context.Context, h *host, f *rowsFile) (*session, error) {
	p, err := newPool(ctx, h, atriumPython, cores)
	if err != nil {
		return nil, err
	}
	source, err := ndarray.Map[float64](f.source)
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	result, err := ndarray.MapRW[float64](f.result)
	if err != nil {
		return nil, errors.Join(err, source.Close(), p.Close())
	}
	sqrt, sum := make([]pool.Args, mapRowCount), make([]pool.Args, mapRowCount)
	for i := range mapRowCount {
		sqrt[i], sum[i] = pool.Args{source, result, i}, pool.Args{source, i}
	}
	round := func(ctx context.Context, seed int) (map[string]float64, error) {
		return timeRows(
			func() error { _, err := sqrtPython.Map(ctx, p, sqrt); return err },
			func() ([]float64, error) { return sumPython.Map(ctx, p, sum) })
	}
	return &session{round: round, close: closeAll(p.Close, source, result)}, nil
}

// atriumKernels maps Go functions over the rows of one shared array into another.
func atriumKernels(ctx context.Context, h *host) (*session, error) {
	p, err := newPool(ctx, h, atriumGo, cores)
	if err != nil {
		return nil, err
	}
	source, err1 := ndarray.New[float64](p.Space(), "", mapRowCount, mapColumns)
	result, err2 := ndarray.New[float64](p.Space(), "", mapRowCount, mapColumns)
	if err := errors.Join(err1, err2); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	rows := make([]rowOf, mapRowCount)
	for i, row := range source.Rows() {
		for column := range row {
			row[column] = element(i, column)
		}
		rows[i] = rowOf{source, result, i}
	}
	round := func(ctx context.Context, seed int) (map[string]float64, error) {
		for _, row := range result.Rows() {
			clear(row)
		}
		return timeKernels(
			func() ([]float64, error) { return sumOfRow.Map(ctx, p, rows) },
			func() error { _, err := sobelOfRow.Map(ctx, p, rows); return err },
			func(row, column int) float64 { return result.At(row, column) })
	}
	return &session{round: round, close: closeAll(p.Close, source, result)}, nil
}

// atriumCalls calls Python functions in one worker.
func atriumCalls() side {
	return side{name: atriumPython, open: func(ctx context.Context, h *host) (*session, error) {
		p, err := newPool(ctx, h, atriumPython, 1)
		if err != nil {
			return nil, err
		}
		a, err := ndarray.New[float64](p.Space(), "", callElements)
		if err != nil {
			return nil, errors.Join(err, p.Close())
		}
		round := func(ctx context.Context, seed int) (map[string]float64, error) {
			return timeCalls(seed,
				func(v int64) (int64, error) { return incrementPython.Call(ctx, p, v) },
				func(v float64) { a.Set(v, calledElement) },
				func() (float64, error) { return lastPython.Call(ctx, p, a) })
		}
		return &session{round: round, close: closeAll(p.Close, a)}, nil
	}}
}
