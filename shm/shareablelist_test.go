package shm_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/shm"
)

// everything is one value of each kind, and those on the edge of a slot's size.
var everything = []any{
	int64(0), int64(-1), int64(math.MaxInt64), int64(math.MinInt64), 0.5, math.Inf(-1), math.SmallestNonzeroFloat64, true, false, nil,
	"", "a", "1234567", "12345678", "äöü€😀", strings.Repeat("long ", 100), []byte{}, []byte("12345678"), []byte{0, 255, 0, 1},
}

func TestShareableList(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	for _, values := range [][]any{everything, {}, {nil}, {""}} {
		l := ok[*shm.ShareableList](t)(shm.NewShareableList(s, "", values))
		a := ok[*shm.ShareableList](t)(shm.AttachShareableList(l.Name()))
		for _, x := range []*shm.ShareableList{l, a} {
			if got := ok[[]any](t)(x.All()); x.Len() != len(values) || !reflect.DeepEqual(got, append([]any{}, values...)) {
				t.Errorf("stored %#v\nread back %#v", values, got)
			}
		}
		for _, i := range []int{-1, len(values), math.MaxInt, math.MinInt} {
			_, err := l.Get(i)
			wantErr(t, err, shm.ErrIndex, fmt.Sprint(i))
			wantErr(t, l.Set(i, nil), shm.ErrIndex)
		}
		noErr(t, a.Close())
		noErr(t, l.Remove())
		noErr(t, l.Close())
		if len(values) > 0 {
			_, err := l.Get(0)
			wantErr(t, err, shm.ErrClosed)
			wantErr(t, l.Set(0, 1), shm.ErrClosed)
		}
	}
	l := ok[*shm.ShareableList](t)(shm.NewShareableList(s, "by-name-"+s.ID().String(), []any{7}))
	if v := ok[any](t)(l.Get(0)); v != int64(7) {
		t.Errorf("an int came back as %T %v", v, v)
	}
	noErr(t, l.Remove())
	noErr(t, l.Close())
}

// TestShareableListGolden is CPython's own bytes for a list with each kind, from 3.11; see TestPythonReadsList for the
// living one.
func TestShareableListGolden(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	golden := strings.NewReplacer(" ", "", "\n", "").Replace(`
0500000000000000
0000000000000000 0800000000000000 1000000000000000 1800000000000000 2000000000000000 3000000000000000
feffffffffffffff 000000000000e03f 0000000000000001 0000000000000000 31323334353637380000000000000000
7100000000000000 6400000000000000 787878787878783f 7878787878783f78 3136730000000000
0000000301`)
	l := ok[*shm.ShareableList](t)(shm.NewShareableList(s, "", []any{-2, 0.5, true, nil, "12345678"}))
	if got := hex.EncodeToString(l.Bytes()); got != golden {
		t.Errorf("got  %s\nwant %s", got, golden)
	}
	noErr(t, l.Remove())
	noErr(t, l.Close())
}

func TestShareableListSet(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	l := ok[*shm.ShareableList](t)(shm.NewShareableList(s, "", []any{1, "sixteen bytes!!", "next"}))
	for i, size := range []int{8, 16, 8} { // any kind in any slot, and the neighbours stay
		for _, v := range append([]any{strings.Repeat("x", size), strings.Repeat("ä", size/2)}, everything...) {
			neighbours := [3]any{ok[any](t)(l.Get(0)), ok[any](t)(l.Get(1)), ok[any](t)(l.Get(2))}
			n := 8
			switch v := v.(type) {
			case string:
				n = len(v)
			case []byte:
				n = len(v)
			}
			err := l.Set(i, v)
			if n > size {
				if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%d bytes exceed the %d", n, size)) {
					t.Errorf("set item %d to %d bytes: %v", i, n, err)
				}
			} else {
				noErr(t, err)
				neighbours[i] = v
			}
			if got := [3]any(ok[[]any](t)(l.All())); !reflect.DeepEqual(got, neighbours) {
				t.Errorf("after setting item %d to %#v the list is %#v", i, v, got)
			}
		}
	}
	for _, v := range []any{int32(1), uint(1), struct{}{}, []int{1}, &v0, "\xff", "a\x00", []byte{0}, 'x', float32(1)} {
		if err := l.Set(0, v); err == nil {
			t.Errorf("set an item to %#v", v)
		}
		if _, err := shm.NewShareableList(s, "", []any{1, v}); err == nil || !strings.Contains(err.Error(), "item 1") {
			t.Errorf("made a list with %#v: %v", v, err)
		}
	}
	if _, err := shm.NewShareableList(s, "", []any{make([]byte, 9_999_992)[:9_999_992:9_999_992], 1}); err == nil {
		t.Error("made a list with an item that CPython cannot read back")
	}
	big := bytes.Repeat([]byte("x"), 9_999_992)
	if _, err := shm.NewShareableList(s, "", []any{big}); err == nil || !strings.Contains(err.Error(), "CPython") {
		t.Errorf("made a list with an item that CPython cannot read back: %v", err)
	}
	noErr(t, l.Remove())
	noErr(t, l.Close())
}

var v0 = 1

// TestHostileList attaches blocks that lie.
func TestHostileList(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	good := ok[*shm.ShareableList](t)(shm.NewShareableList(s, "", []any{1, "text", nil}))
	image := bytes.Clone(good.Bytes())
	put := func(off int, v uint64) func(b []byte) []byte {
		return func(b []byte) []byte { binary.LittleEndian.PutUint64(b[off:], v); return b }
	}
	format := func(i int, f string) func(b []byte) []byte {
		return func(b []byte) []byte { copy(b[64+8*i:72+8*i], f+"\x00\x00\x00\x00\x00\x00\x00\x00"); return b }
	}
	for _, c := range []struct {
		name   string
		change func(b []byte) []byte
		at     int // the item whose Get fails; -1 when attaching does
	}{
		{"one byte", func(b []byte) []byte { return b[:1] }, -1},
		{"15 bytes", func(b []byte) []byte { return b[:15] }, -1},
		{"cut", func(b []byte) []byte { return b[:len(b)-1] }, -1},
		{"items -1", put(0, math.MaxUint64), -1},
		{"items 2^63", put(0, 1<<63), -1},
		{"items 2^61", put(0, 1<<61), -1},
		{"one item more", put(0, 4), -1},
		{"first slot not at 0", put(8, 8), -1},
		{"slots that overlap", put(16, 4), -1},
		{"slots that go back", put(24, 1<<63), -1},
		{"slots past the end", put(32, 1<<40), -1},
		{"an unknown format", format(0, "Z"), 0},
		{"no format", format(0, ""), 0},
		{"a longer string than its slot", format(1, "9s"), 1},
		{"a much longer string", format(1, "9999999s"), 1},
		{"a string of -1 bytes", format(1, "-1s"), 1},
		{"a string format for an int", format(0, "8s"), 0},
		{"an int format for a string", format(1, "q"), 1},
		{"kind 4", func(b []byte) []byte { b[len(b)-3] = 4; return b }, 0},
		{"kind -1", func(b []byte) []byte { b[len(b)-1] = 255; return b }, 2},
		{"a str that is not UTF-8", func(b []byte) []byte { b[48] = 0xc3; b[49] = 0; return b }, 1},
	} {
		mem := c.change(bytes.Clone(image))
		name := "hostile-" + s.ID().String()
		noErr(t, os.WriteFile(onTop(name), mem, 0o600))
		l, err := shm.AttachShareableList(name)
		if c.at < 0 {
			if wantErr(t, err, shm.ErrFormat, "attach shareable list", name); err == nil {
				t.Error(c.name)
			}
		} else if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else {
			_, err := l.Get(c.at)
			t.Log(c.name)
			wantErr(t, err, shm.ErrFormat, fmt.Sprintf("item %d", c.at))
			if _, err := l.All(); err == nil {
				t.Errorf("%s: All found nothing wrong", c.name)
			}
			noErr(t, l.Set(c.at, true)) // which mends it
			if v := ok[any](t)(l.Get(c.at)); v != true {
				t.Errorf("%s: set to true, got %v", c.name, v)
			}
			noErr(t, l.Close())
		}
		noErr(t, os.Remove(onTop(name)))
	}
	noErr(t, good.Remove())
	noErr(t, good.Close())
}

// FuzzShareableList reads and writes whatever memory is called a list: errors are right, panics are not.
func FuzzShareableList(f *testing.F) {
	f.Add([]byte{}, int64(1))
	f.Add(make([]byte, 16), int64(0))
	image, _ := hex.DecodeString("0200000000000000" + "0000000000000000" + "0800000000000000" + "1800000000000000" +
		"0100000000000000" + "61626300000000000000000000000000" + "7100000000000000" + "3136730000000000" + "0001")
	f.Add(image, int64(-5))
	f.Fuzz(func(t *testing.T, mem []byte, v int64) {
		outside := bytes.Repeat([]byte{0x5a}, 64)
		all := append(bytes.Clone(mem), outside...)
		l, err := shm.ReadShareableList(all[:len(mem):len(mem)])
		if err != nil {
			return
		}
		l.Over(all[:len(mem):len(mem)])
		for i := range l.Len() {
			l.Get(i)
			if err := l.Set(i, v); err != nil {
				t.Errorf("item %d cannot hold an int: %v", i, err)
			}
			if got, err := l.Get(i); err != nil || got != v {
				t.Errorf("item %d was set to %d and is %v, %v", i, v, got, err)
			}
		}
		if !bytes.Equal(all[len(mem):], outside) {
			t.Error("wrote past the end")
		}
	})
}

// TestListModel sets random items of random lists against a plain slice.
func TestListModel(t *testing.T) {
	s := mptest.Space(t)
	value := rapid.OneOf(
		rapid.Just[any](nil), rapid.Map(rapid.Bool(), toAny[bool]), rapid.Map(rapid.Int64(), toAny[int64]),
		rapid.Map(rapid.Float64(), toAny[float64]), rapid.Map(rapid.StringN(0, 20, -1), toAny[string]),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 40), toAny[[]byte]),
	).Filter(func(v any) bool { // what CPython would lose is refused, see TestShareableListSet
		switch v := v.(type) {
		case string:
			return !strings.HasSuffix(v, "\x00")
		case []byte:
			return !bytes.HasSuffix(v, []byte{0})
		}
		return true
	})
	rapid.Check(t, func(t *rapid.T) {
		model := rapid.SliceOfN(value, 0, 10).Draw(t, "values")
		l, err := shm.NewShareableList(s, "", model)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		defer l.Remove()
		for range 5 {
			if len(model) > 0 {
				i := rapid.IntRange(0, len(model)-1).Draw(t, "i")
				v := value.Draw(t, "v")
				if l.Set(i, v) == nil {
					model[i] = v
				}
			}
			a, err := shm.AttachShareableList(l.Name())
			if err != nil {
				t.Fatal(err)
			}
			if got, err := a.All(); err != nil || len(got) != len(model) || len(model) > 0 && !reflect.DeepEqual(got, model) {
				t.Fatalf("list %#v\nwant %#v, %v", got, model, err)
			}
			a.Close()
		}
	})
}

func toAny[T any](v T) any { return v }

func TestPythonReadsList(t *testing.T) {
	mptest.Check(t)
	mptest.Python(t) // before there is anything to leave
	s := mptest.Space(t)
	l := ok[*shm.ShareableList](t)(shm.NewShareableList(s, "", everything))
	got := mptest.RunPython(t, `
import sys
from multiprocessing.shared_memory import ShareableList
from multiprocessing import resource_tracker
resource_tracker.register = lambda *a: None   # the remedy before 3.13: this process owns no block
l = ShareableList(name=sys.argv[1])
print(list(l) == [0, -1, 2**63-1, -2**63, 0.5, float("-inf"), 5e-324, True, False, None,
	"", "a", "1234567", "12345678", "äöü€😀", "long " * 100, b"", b"12345678", bytes([0, 255, 0, 1])], l.format)
l[0] = "text"; l[1] = 1.25; l[10] = None; l[11] = b"12345678"; l[14] = True; l[15] = "short"; l[18] = -7
try:
	l[2] = "123456789"
except ValueError as e:
	print(e)
l.shm.close()
`, l.Name())
	if !strings.HasPrefix(got, "True ") || !strings.HasSuffix(got, "exceeds available storage") {
		t.Errorf("python said %s", got)
	}
	want := append([]any{}, everything...)
	want[0], want[1], want[10], want[11], want[14], want[15], want[18] = "text", 1.25, nil, []byte("12345678"), true, "short", int64(-7)
	if all := ok[[]any](t)(l.All()); !reflect.DeepEqual(all, want) {
		t.Errorf("Go reads %#v", all)
	}
	if !exists(onTop(l.Name())) {
		t.Error("the documented remedy did not keep the tracker away")
	}
	noErr(t, l.Remove())
	noErr(t, l.Close())
}

func TestPythonMakesList(t *testing.T) {
	mptest.Check(t)
	mptest.Python(t) // before there is anything to leave
	p := mptest.StartPython(t, `
from multiprocessing.shared_memory import ShareableList
l = ShareableList([0, -1, 0.5, True, None, "", "12345678", "é", b"", b"abc", "äöüäöüäö", "nul\x00"])
print(l.shm.name)
input()
print([l[i] for i in range(10)], l.format)
l.shm.close(); l.shm.unlink()
`)
	l := ok[*shm.ShareableList](t)(shm.AttachShareableList(p.Line()))
	want := []any{int64(0), int64(-1), 0.5, true, nil, "", "12345678", "é", []byte{}, []byte("abc"), nil, "nul"} // gh-106939 took the NUL
	for i := range want {
		v, err := l.Get(i)
		if i == 10 {
			// gh-88336: the slot counts 8 characters and holds 16 bytes, which these are; it is full, not cut.
			if v != "äöüäöüäö" || err != nil {
				t.Errorf("item 10 is %v, %v", v, err)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(v, want[i]) {
			t.Errorf("item %d is %#v, %v, want %#v", i, v, err, want[i])
		}
	}
	for i, v := range []any{"a word", 2, nil, "x", false, []byte("1234567"), 1.5, "üüüü", "text", true} {
		noErr(t, l.Set(i, v))
	}
	p.Send("go on")
	if got := p.Line(); !strings.HasPrefix(got, `['a word', 2, None, 'x', False, b'1234567', 1.5, 'üüüü', 'text', True] 8sqxxxxxx?x8sxxxxxxx?8sd`) {
		t.Errorf("python read %s", got)
	}
	noErr(t, l.Close())
	p.Done()
}

// TestPythonCutsText shows gh-88336 by a str of characters of four bytes; its reader is told, not given half a character.
func TestPythonCutsText(t *testing.T) {
	mptest.Check(t)
	exe := mptest.Python(t)
	out, err := exec.Command(exe, "-c", `
from multiprocessing.shared_memory import ShareableList
l = ShareableList(["€€€€€€€", "after"])
print(l.shm.buf[:].hex())
l.shm.close(); l.shm.unlink()`).Output()
	if err != nil {
		t.Fatal(err)
	}
	mem, err := hex.DecodeString(strings.TrimSpace(string(out)))
	noErr(t, err)
	l := ok[*shm.ShareableList](t)(shm.ReadShareableList(mem)).Over(mem)
	if v, err := l.Get(0); err == nil && v != "€€€€€€€" {
		t.Errorf("read %q", v)
	} else if err != nil {
		wantErr(t, err, shm.ErrFormat, "gh-88336")
	} else {
		t.Log("this CPython has gh-88336 mended")
	}
	if v := ok[any](t)(l.Get(1)); v != "after" {
		t.Errorf("the item after it is %v", v)
	}
}
