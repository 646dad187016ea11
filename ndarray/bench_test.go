package ndarray

import "testing"

// Compare the two: looping over rows must cost what looping over a slice does.
func BenchmarkSumSlice(b *testing.B) {
	data := make([]float64, 1<<16)
	b.SetBytes(8 << 16)
	for b.Loop() {
		total := 0.0
		for lo := 0; lo < len(data); lo += 256 {
			for _, v := range data[lo : lo+256] {
				total += v
			}
		}
		sink = total
	}
}

func BenchmarkSumRows(b *testing.B) {
	a := arange[float64](256, 256)
	b.SetBytes(8 << 16)
	for b.Loop() {
		total := 0.0
		for _, row := range a.Rows() {
			for _, v := range row {
				total += v
			}
		}
		sink = total
	}
}

func BenchmarkSumRow(b *testing.B) {
	a := arange[float64](256, 256)
	b.SetBytes(8 << 16)
	for b.Loop() {
		total := 0.0
		for i := range a.Len() {
			for _, v := range a.Row(i) {
				total += v
			}
		}
		sink = total
	}
}

func BenchmarkSumAt(b *testing.B) {
	a := arange[float64](256, 256)
	b.SetBytes(8 << 16)
	for b.Loop() {
		total := 0.0
		for i := range 256 {
			for j := range 256 {
				total += a.At(i, j)
			}
		}
		sink = total
	}
}

var sink float64

func BenchmarkAttachHit(b *testing.B) {
	sp := space(b)
	a := must(New[float64](sp, "", 1000, 1000))
	defer closeAll(b, a)
	enc := must(a.Slice(10, 20).MarshalBinary())
	for b.Loop() {
		var v Array[float64]
		if err := v.UnmarshalBinary(enc); err != nil {
			b.Fatal(err)
		}
		_ = v.Close()
	}
}

func BenchmarkAttachMiss(b *testing.B) {
	sp := space(b)
	a := must(New[float64](sp, "", 1000, 1000))
	defer closeAll(b, a)
	r := must(a.Ref())
	for b.Loop() {
		v, err := Attach(r)
		if err != nil {
			b.Fatal(err)
		}
		_ = v.Close()
		ReleaseIdle()
	}
}

func BenchmarkMarshal(b *testing.B) {
	sp := space(b)
	a := must(New[float64](sp, "", 1000, 1000))
	defer closeAll(b, a)
	for b.Loop() {
		_, _ = a.MarshalBinary()
	}
}

func BenchmarkWalkNoArrays(b *testing.B) {
	v := any(&struct {
		Name string
		Data []float64
	}{})
	for b.Loop() {
		_ = Walk(v, func(*Any) error { return nil })
	}
}

func BenchmarkCopy(b *testing.B) {
	src, dst := arange[float64](1000, 1000), arange[float64](1000, 1000)
	for name, v := range map[string]Any{"contiguous": src.Any, "columns": src.SliceAxis(1, 0, 1000, -1).Any, "transposed": src.Transpose().Any} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(8e6)
			for b.Loop() {
				if err := Copy(dst.Any, v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
