package shm_test

import (
	"testing"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/shm"
)

// The costs that the doc comments name.
func Benchmark(b *testing.B) {
	s := mptest.Space(b)
	g := ok[*shm.Segment](b)(s.Create("thing", 1<<20, nil))
	block := ok[*shm.Block](b)(shm.CreateBlock(s, "", 1<<10))
	list := ok[*shm.ShareableList](b)(shm.NewShareableList(s, "", []any{1, "text"}))
	p, owner := holder(b, s, 0)
	for _, c := range []struct {
		name string
		do   func() error
	}{
		{"Open+Close", func() error {
			s, err := shm.Open(s.Path() + "-joined")
			if err != nil {
				return err
			}
			return s.Close()
		}},
		{"Create+Close", func() error {
			g, err := s.Create("", 4096, nil)
			if err != nil {
				return err
			}
			return g.Close()
		}},
		{"Attach+Close", func() error {
			g, err := s.Attach("thing", false)
			if err != nil {
				return err
			}
			return g.Close()
		}},
		{"Dead", func() error { _, err := s.Dead(owner); return err }},
		{"Current", func() error { g.Current(); return nil }},
		{"Sweep", func() error { _, err := s.Sweep(); return err }},
		{"Relink", func() error { return block.Relink() }},
		{"ListGet", func() error { _, err := list.Get(0); return err }},
		{"ListSet", func() error { return list.Set(1, "short") }},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if err := c.do(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	p.Kill()
	_ = shm.RemoveSpace(s.Path() + "-joined")
	for _, name := range []string{"thing", block.Name(), list.Name()} {
		noErr(b, s.Remove(name))
	}
	noErr(b, g.Close())
	noErr(b, block.Close())
	noErr(b, list.Close())
}
