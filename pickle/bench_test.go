package pickle_test

import (
	"fmt"
	"testing"

	"example.com/atrium/pickle"
)

type smallCall struct {
	Name  string  `pickle:"name"`
	Count int     `pickle:"count"`
	Ratio float64 `pickle:"ratio"`
}

type row struct {
	ID    int64
	Name  string
	Score float64
	Tags  []string
}

// benchValues are the values whose times are compared with those of Python's own C code, which testdata/bench.py measures.
func benchValues() map[string]any {
	ints, floats, strs, rows, dicts := []int(nil), []float64(nil), []string(nil), []row(nil), []map[string]any(nil)
	intDict := map[int]int{}
	for i := range 1000 {
		ints = append(ints, i*1000)
		floats = append(floats, float64(i)*1.1)
		strs = append(strs, fmt.Sprint("item number ", i))
		rows = append(rows, row{int64(i), fmt.Sprint("row ", i), float64(i) / 3, []string{"red", "green"}})
		dicts = append(dicts, map[string]any{"id": i, "name": fmt.Sprint("row ", i), "score": float64(i) / 3})
		intDict[i] = i * 7
	}
	return map[string]any{
		"small": smallCall{"job", 1234, 0.25}, "ints": ints, "floats": floats, "strs": strs, "rows": rows, "dicts": dicts,
		"intdict": intDict, "bytes64k": make([]byte, 64<<10), "bytes16M": make([]byte, 16<<20),
		"request": pickle.Tuple{"7f2c91d04b", "__setitem__", pickle.Tuple{"key", int64(123456)}, &pickle.Dict{}},
	}
}

func BenchmarkMarshal(b *testing.B) {
	for name, v := range benchValues() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var buf []byte
			for b.Loop() {
				buf, _ = pickle.Append(buf[:0], v)
			}
			b.SetBytes(int64(len(buf)))
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, v := range benchValues() {
		data, err := pickle.Marshal(v)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if _, err := pickle.Decode(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func benchUnmarshal[T any](b *testing.B, name string) {
	b.Run(name, func(b *testing.B) {
		data, err := pickle.Marshal(benchValues()[name])
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			var v T
			if err := pickle.Unmarshal(data, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkUnmarshal(b *testing.B) {
	benchUnmarshal[smallCall](b, "small")
	benchUnmarshal[[]int](b, "ints")
	benchUnmarshal[[]float64](b, "floats")
	benchUnmarshal[[]string](b, "strs")
	benchUnmarshal[[]row](b, "rows")
	benchUnmarshal[map[int]int](b, "intdict")
}

// BenchmarkSmallCall is one argument there and back.
func BenchmarkSmallCall(b *testing.B) {
	in := smallCall{"job", 1234, 0.25}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if buf, err = pickle.Append(buf[:0], &in); err != nil {
			b.Fatal(err)
		}
		var out smallCall
		if err := pickle.Unmarshal(buf, &out); err != nil || out != in {
			b.Fatal(err, out)
		}
	}
}
