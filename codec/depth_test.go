package codec_test

import (
	"strings"
	"testing"

	"example.com/atrium/codec"
)

type ring struct {
	V    int
	Next *ring
	Up   *ring `cbor:"-"`
}

type pointers *pointers

type tree map[string]tree

func chain(n int) *ring {
	var first *ring
	for range n {
		first = &ring{Next: first}
		if first.Next != nil {
			first.Next.Up = first // not sent, so no cycle
		}
	}
	return first
}

func nest(n int) (v any) {
	v = 1
	for range n {
		v = []any{v}
	}
	return v
}

func refused[T any](t *testing.T, name string, v T) {
	t.Helper()
	if _, err := codec.For[T]().Append(nil, &v); err == nil || !strings.Contains(err.Error(), "it is nested deeper than 256 lists, maps and structs, or contains itself") {
		t.Errorf("%s: %v", name, err)
	}
}

func passes[T any](t *testing.T, name string, v T) (got T) {
	t.Helper()
	c := codec.For[T]()
	b, err := c.Append(nil, &v)
	if err == nil {
		err = c.Decode(b, &got)
	}
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
	return got
}

// What contains itself, or nearly so, is refused and does not end the process.
func TestNested(t *testing.T) {
	self := &ring{}
	self.Next = self
	refused(t, "a ring", self)
	list := []any{nil}
	list[0] = list
	refused(t, "a list in itself", list)
	refused(t, "a list in itself, as any", any(list))
	m := map[string]any{}
	m["m"] = map[string]any{"m": m}
	refused(t, "a map in itself", m)
	forest := tree{}
	forest["t"] = forest
	refused(t, "a tree in itself", forest)
	var p pointers
	p = &p
	refused(t, "a pointer to itself", p)

	passes(t, "a chain of 256", chain(256))
	refused(t, "a chain of 257", chain(257))
	passes(t, "256 lists", nest(256))
	refused(t, "257 lists", nest(257))
	refused(t, "a million lists", nest(1_000_000))
}

// Strings of any bytes, wherever they stand.
func TestStringsOfAnyBytes(t *testing.T) {
	const s = "caf\xe9\x00\xff"
	if got := passes(t, "bare", s); got != s {
		t.Errorf("bare: %q", got)
	}
	if got := passes(t, "in a map", map[string]any{s: s}); got[s] != s {
		t.Errorf("in a map: %q", got)
	}
	if got := passes(t, "in a list", []string{s}); len(got) != 1 || got[0] != s {
		t.Errorf("in a list: %q", got)
	}
	if got := passes(t, "in a struct", person{Name: s, Tags: []string{s}}); got.Name != s || got.Tags[0] != s {
		t.Errorf("in a struct: %+v", got)
	}
}
