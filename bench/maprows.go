package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"example.com/atrium/ndarray/npy"
)

const (
	mapRowCount = 256
	mapColumns  = 131_072 // 1 MB of float64
)

func mapRows() work {
	return work{
		name:  "map-rows",
		about: "np.sqrt, stored in a .npy, and a row sum, each over the 1 MB rows of a 256 MB .npy, by two Python workers",
		sides: []side{
			rowsSide(atriumPython, atriumRows),
			rowsPeer("multiprocessing.Pool.map"),
			rowsPeer("multiprocessing.Pool.map, files mapped by hand"),
			rowsPeer("joblib"),
			rowsPeer("mpire"),
		},
		series: []series{
			{"map-rows-sqrt", atriumPython, "sqrt", milliseconds},
			{"map-rows-sum", atriumPython, "sum", milliseconds},
		},
	}
}

// A rowsFile is where a side finds its input and stores its result, and the means to tell that it did.
type rowsFile struct {
	source, result string
	stored         *os.File // result
	offset         int64    // of the data in both
}

// rowsSide gives a side input and result files of its own, which exist before the clock runs, and looks at what it stored.
func rowsSide(name string, open func(ctx context.Context, h *host, f *rowsFile) (*session, error)) side {
	return side{name: name, open: func(ctx context.Context, h *host) (*session, error) {
		f, err := makeRows(h)
		if err != nil {
			return nil, err
		}
		s, err := open(ctx, h, f)
		if err != nil {
			f.stored.Close()
			return nil, err
		}
		return &session{
			round: func(ctx context.Context, seed int) (map[string]float64, error) {
				if err := f.spoil(seed); err != nil {
					return nil, err
				}
				times, err := s.round(ctx, seed)
				if err != nil {
					return nil, err
				}
				return times, f.check(seed)
			},
			close: func() error {
				defer f.stored.Close()
				return s.close()
			},
		}, nil
	}}
}

func rowsPeer(name string) side {
	return rowsSide(name, func(ctx context.Context, h *host, f *rowsFile) (*session, error) {
		return python(name, "rows.py", map[string]any{"source": f.source, "result": f.result}).open(ctx, h)
	})
}

// timeRows is one round of our side; bench/peers/rows.py does the same.
func timeRows(sqrt func() error, sum func() ([]float64, error)) (map[string]float64, error) {
	start := time.Now()
	if err := sqrt(); err != nil {
		return nil, err
	}
	stored := time.Since(start)
	start = time.Now()
	sums, err := sum()
	summed := time.Since(start)
	if err != nil {
		return nil, err
	}
	return map[string]float64{"sqrt": stored.Seconds(), "sum": summed.Seconds()}, checkTotals(sums)
}

func checkTotals(sums []float64) error {
	for row, s := range sums {
		if err := same(s, rowTotal(row)); err != nil {
			return fmt.Errorf("sum of row %d: %w", row, err)
		}
	}
	return nil
}

// element is the input at a place: whole numbers, so that sums are exact in any order.
func element(row, column int) float64 { return float64(row + column) }

func rowTotal(row int) float64 { return float64(mapColumns*row + mapColumns*(mapColumns-1)/2) }

func makeRows(h *host) (*rowsFile, error) {
	dtype, err := npy.ParseDType("<f8")
	if err != nil {
		return nil, err
	}
	header, err := npy.AppendHeader(nil, npy.Header{DType: dtype, Shape: []int{mapRowCount, mapColumns}})
	if err != nil {
		return nil, err
	}
	write := func(path string, value func(row, column int) float64) error {
		f, err := os.Create(path)
		if err != nil {
			return err
		}
		defer f.Close()
		w := bufio.NewWriterSize(f, 8*mapColumns)
		w.Write(header)
		var b [8]byte
		for row := range mapRowCount {
			for column := range mapColumns {
				binary.LittleEndian.PutUint64(b[:], math.Float64bits(value(row, column)))
				w.Write(b[:])
			}
		}
		return w.Flush()
	}
	// The input is shared by all sides, as none writes to it.
	f := &rowsFile{source: filepath.Join(h.scratch, "rows.npy"), offset: int64(len(header))}
	if _, err := os.Stat(f.source); err != nil {
		if err := write(f.source, element); err != nil {
			return nil, err
		}
	}
	f.result = filepath.Join(h.scratch, "sqrt.npy")
	if _, err := os.Stat(f.result); err != nil {
		if err := write(f.result, func(int, int) float64 { return 0 }); err != nil {
			return nil, err
		}
	}
	f.stored, err = os.OpenFile(f.result, os.O_RDWR, 0)
	return f, err
}

// spoil writes NaN at one place of each row, which check looks at: what an earlier round stored proves nothing.
func (f *rowsFile) spoil(seed int) error {
	nan := binary.LittleEndian.AppendUint64(nil, math.Float64bits(math.NaN()))
	for row := range mapRowCount {
		if _, err := f.stored.WriteAt(nan, f.place(row, f.column(row, seed))); err != nil {
			return err
		}
	}
	return nil
}

func (f *rowsFile) check(seed int) error {
	var b [8]byte
	for row := range mapRowCount {
		column := f.column(row, seed)
		for _, c := range []int{column, mapColumns - 1 - column} {
			if _, err := f.stored.ReadAt(b[:], f.place(row, c)); err != nil {
				return err
			}
			got := math.Float64frombits(binary.LittleEndian.Uint64(b[:]))
			if err := same(got, math.Sqrt(element(row, c))); err != nil {
				return fmt.Errorf("row %d, column %d: %w", row, c, err)
			}
		}
	}
	return nil
}

func (f *rowsFile) column(row, seed int) int { return (row*7919 + seed*104_729) % mapColumns }

func (f *rowsFile) place(row, column int) int64 {
	return f.offset + 8*int64(row*mapColumns+column)
}

func same(got, want float64) error {
	if got != want {
		return fmt.Errorf("wrong result: got %v, want %v", got, want)
	}
	return nil
}
