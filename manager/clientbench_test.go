package manager

import (
	"testing"
)

// BenchmarkClient is one call after the other, of a server in the same process.
func BenchmarkClient(b *testing.B) {
	s, _ := served(b, Config{})
	c := client(b, s.Addr())
	d := must(NewDict[string, int](background, c))(b)
	noErr(b, d.Set(background, "key", 1))
	b.Run("set", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			noErr(b, d.Set(background, "key", 1))
		}
	})
	b.Run("get", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if v, _, err := d.Get(background, "key"); err != nil || v != 1 {
				b.Fatal(v, err)
			}
		}
	})
	b.Run("update", func(b *testing.B) {
		for b.Loop() {
			_, err := d.Update(background, "count", func(n int, _ bool) (int, error) { return n + 1, nil })
			noErr(b, err)
		}
	})
	b.Run("batch", func(b *testing.B) {
		b.ReportAllocs()
		batch := c.Batch()
		var got [100]int
		n := 0
		for b.Loop() {
			if batch.Call(d.Proxy, &got[n], "__getitem__", "key"); batch.Len() == len(got) {
				noErr(b, batch.Do(background))
				n = 0
			} else {
				n++
			}
		}
	})
}
