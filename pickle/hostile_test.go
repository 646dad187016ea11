package pickle_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"example.com/atrium/pickle"
)

// allocated runs f, and gives the bytes it allocated and the time it took.
func allocated(f func()) (uint64, time.Duration) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	f()
	d := time.Since(start)
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc, d
}

// TestHostileLengths says that much more is there than is: nothing may be allocated for it.
func TestHostileLengths(t *testing.T) {
	huge8 := string(binary.LittleEndian.AppendUint64(nil, 1<<62))
	neg8 := "\xff\xff\xff\xff\xff\xff\xff\xff"
	for _, data := range []string{
		"\xff", "\x00", "\x80", "\x80\xff", "\x80\x04\x95", "\x80\x04\x95" + huge8, "\x80\x04\x95" + neg8,
		"\x8e" + huge8, "\x8e" + neg8, "\x8d" + huge8, "\x8d" + neg8, "\x96" + huge8, "\x96" + neg8,
		"B\xff\xff\xff\x7f", "B\xff\xff\xff\xff", "X\xff\xff\xff\x7f", "X\xff\xff\xff\xffab", "T\xff\xff\xff\x7f", "\x8b\xff\xff\xff\x7f",
		"C\xffabc", "U\xffabc", "\x8c\xffabc", "\x8a\xffabc", "G\x00", "J\x00", "M\x00", "K", "I", "I1", "L1L", "F1", "Sx", "Vx", "Px", "g1", "]p1",
		"c", "cx", "cx\n", "cx\ny", "(ix\n", "h", "j\x00", "]q", "]r\x00", "\x82", "\x83\x00", "\x84\x00\x00",
	} {
		n, _ := allocated(func() {
			if _, err := pickle.Decode([]byte(data)); err == nil {
				t.Errorf("%q decodes", data)
			} else if len(data) > 1 && !errors.Is(err, pickle.ErrTruncated) && data[1] != 0xff {
				t.Errorf("%q: %v, want ErrTruncated", data, err)
			}
		})
		if n > 64<<10 {
			t.Errorf("%q: %d bytes were allocated", data, n)
		}
	}
}

// laughs is a list of tuples, each of which holds the one before it several times.
func laughs(levels int) []byte {
	data := []byte("\x80\x04K\x00\x85\x94")
	for i := range levels {
		get := append([]byte{'j'}, binary.LittleEndian.AppendUint32(nil, uint32(i))...)
		data = append(data, '(')
		data = append(data, bytes.Repeat(get, 10)...)
		data = append(data, 't', 0x94)
	}
	return append(data, '.')
}

// TestBillionLaughs takes a value of 10^60 elements through everything.
func TestBillionLaughs(t *testing.T) {
	data := laughs(60)
	v, err := pickle.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	w, _ := pickle.Decode(data)
	n, d := allocated(func() {
		if !pickle.Equal(v, w) {
			t.Error("it is not equal to itself decoded again")
		}
		if err := pickle.Hashable(v); err != nil {
			t.Error(err)
		}
		dict := &pickle.Dict{}
		if err := dict.Set(v, 1); err != nil {
			t.Error(err)
		}
		if _, ok := dict.Get(w); !ok {
			t.Error("it is no key for itself decoded again")
		}
		if s := pickle.ReprMax(v, 1000); len(s) > 1003 {
			t.Errorf("its repr has %d bytes", len(s))
		}
		out, err := pickle.Marshal(v)
		if err != nil || len(out) > 2*len(data) {
			t.Errorf("%d bytes became %d: %v", len(data), len(out), err)
		}
		var slices [][][][][][][]any
		if err := pickle.Unmarshal(laughs(5), &slices); err == nil {
			t.Error("numbers became slices")
		}
	})
	if n > 64<<20 || d > 5*time.Second {
		t.Errorf("%d bytes, %v", n, d)
	}
}

// TestFrozenLaughs nests sets whose elements cannot be told apart without looking at all of them, equal ones and others.
func TestFrozenLaughs(t *testing.T) {
	build := func(last int) any {
		data := []byte{0x80, 4, 'K', byte(last), 0x94}
		for i := range 60 {
			get := []byte{'h', byte(i)}
			data = append(data, '(')
			for n := range 3 { // beside a number, so that all three must be looked into
				data = append(append(data, get...), 'K', byte(n), 0x86)
			}
			data = append(data, get...)
			for wrap := range 4 { // in one to four tuples
				data = append(append(data, get...), bytes.Repeat([]byte{0x85}, wrap+1)...)
			}
			data = append(data, 0x91, 0x94)
		}
		v, err := pickle.Decode(append(data, '.'))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	a, b, c := build(1), build(1), build(2)
	n, d := allocated(func() {
		if !pickle.Equal(a, b) || pickle.Equal(a, c) {
			t.Error("wrong about what is equal")
		}
		dict := &pickle.Dict{}
		for i := range 20 {
			_ = dict.Set(i, nil)
		}
		_ = dict.Set(a, "found")
		if v, _ := dict.Get(b); v != "found" {
			t.Error("not found by an equal one")
		}
		if v, ok := dict.Get(c); ok {
			t.Errorf("found %v by another", v)
		}
	})
	if n > 64<<20 || d > 5*time.Second {
		t.Errorf("%d bytes, %v", n, d)
	}
}

// L nests without end, so that only the limit ends what Unmarshal unfolds.
type L []L

func TestUnfolding(t *testing.T) {
	data := []byte("\x80\x04]\x94") // as laughs, with lists that are empty at the bottom
	for i := range 30 {
		data = append(data, ']', 0x94, '(')
		data = append(data, bytes.Repeat([]byte{'h', byte(i)}, 10)...)
		data = append(data, 'e')
	}
	data = append(data, '.')
	var l L
	err := pickle.Decoder{Limits: pickle.Limits{MaxItems: 100_000}}.Unmarshal(data, &l)
	if !errors.Is(err, pickle.ErrLimit) {
		t.Errorf("error is %v, want ErrLimit", err)
	}
	if err := pickle.Unmarshal([]byte("\x80\x04]\x94h\x00a."), &l); !errors.Is(err, pickle.ErrLimit) {
		t.Errorf("a list in itself: error is %v, want ErrLimit", err)
	}
}

// TestDeep has values nested so deeply that recursion over them would end the process.
func TestDeep(t *testing.T) {
	const n = 200_000
	for name, data := range map[string]string{
		"lists":         strings.Repeat("]", n) + strings.Repeat("a", n-1) + ".",
		"tuples":        "N" + strings.Repeat("\x85", n) + ".",
		"dicts":         "}" + strings.Repeat("}K\x01", n) + "N" + strings.Repeat("s", n) + ".",
		"calls":         "N" + strings.Repeat("\x85q\x000cm\nf\nh\x00R", n) + ".",
		"frozen chain":  "Nq\x00" + strings.Repeat("0(h\x00\x91q\x00", n) + ".",
		"keys":          "Nq\x00" + strings.Repeat("0cm\nf\n)R}h\x00Nsbq\x00", n) + ".",
		"persistent":    "N" + strings.Repeat("Q", n) + ".",
		"states":        strings.Repeat("cm\nf\n)R", n) + strings.Repeat("b", n-1) + ".",
		"chain by memo": "]q\x00" + strings.Repeat("]h\x00aq\x000h\x00", n) + ".",
	} {
		v, err := pickle.Decode([]byte(data))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		w, _ := pickle.Decode([]byte(data))
		pickle.Equal(v, w)
		_ = pickle.Hashable(v)
		_ = pickle.Hashable(pickle.Call("m", "f", v))
		if s := pickle.Repr(v); len(s) > 100_000 {
			t.Errorf("%s: a repr of %d bytes", name, len(s))
		}
		if _, err := pickle.Marshal(v); !errors.Is(err, pickle.ErrLimit) {
			t.Errorf("%s: encoding gives %v, want ErrLimit", name, err)
		}
		var l L
		if err := pickle.Unmarshal([]byte(data), &l); err == nil {
			t.Errorf("%s: Unmarshal succeeds", name)
		}
	}
}

func TestLimits(t *testing.T) {
	marks := []byte(strings.Repeat("(", 20) + "N" + strings.Repeat("t", 20) + ".")
	memo := []byte("N")
	for i := range 20 {
		memo = fmt.Appendf(memo, "p%d\n", i*1000)
	}
	memo = append(memo, '.')
	tests := []struct {
		name   string
		limits pickle.Limits
		data   []byte
		ok     bool
	}{
		{"MaxBytes", pickle.Limits{MaxBytes: 41}, marks, false},
		{"MaxBytes", pickle.Limits{MaxBytes: 42}, marks, true},
		{"MaxDepth", pickle.Limits{MaxDepth: 19}, marks, false},
		{"MaxDepth", pickle.Limits{MaxDepth: 20}, marks, true},
		{"MaxItems", pickle.Limits{MaxItems: 41}, marks, false},
		{"MaxItems", pickle.Limits{MaxItems: 42}, marks, true},
		{"MaxMemo", pickle.Limits{MaxMemo: 19}, memo, false},
		{"MaxMemo", pickle.Limits{MaxMemo: 20}, memo, true},
	}
	for _, tt := range tests {
		_, err := pickle.Decoder{Limits: tt.limits}.Decode(tt.data)
		if tt.ok && err != nil {
			t.Errorf("%+v: %v", tt.limits, err)
		}
		if !tt.ok && (!errors.Is(err, pickle.ErrLimit) || !strings.Contains(err.Error(), tt.name)) {
			t.Errorf("%+v: error is %v, want ErrLimit with %s", tt.limits, err, tt.name)
		}
	}
}

// TestMemoBomb puts to the highest numbers there are.
func TestMemoBomb(t *testing.T) {
	data := []byte("N")
	for i := range uint32(1000) {
		data = append(data, 'r')
		data = binary.LittleEndian.AppendUint32(data, 0xffffffff-i*1_000_003)
	}
	data = append(data, '.')
	n, _ := allocated(func() {
		if _, err := pickle.Decode(data); err != nil {
			t.Error(err)
		}
	})
	if n > 1<<20 {
		t.Errorf("%d bytes were allocated for 1000 entries", n)
	}
}

// TestExpensiveKeys has keys that cost much more to hash or compare than to write.
func TestExpensiveKeys(t *testing.T) {
	tuple := "(" + strings.Repeat("N", 100_000) + "tq\x000"
	data := tuple + "}" // its table is there from the ninth key on
	for i := range 10 {
		data += "K" + string(rune(i)) + "Ns"
	}
	data += strings.Repeat("h\x00Ns", 100_000) + "."
	twice := tuple + strings.ReplaceAll(tuple, "q\x00", "q\x01") + "}" + strings.Repeat("h\x00Nsh\x01Ns", 100_000) + "."
	long := "X\x00\x00\x10\x00" + strings.Repeat("x", 1<<20) + "q\x000" + data[len(tuple):]
	for name, data := range map[string]string{"hash": data, "compare": twice, "text": long} {
		_, d := allocated(func() {
			_, err := pickle.Decoder{Limits: pickle.Limits{MaxItems: 10_000_000}}.Decode([]byte(data))
			if name == "text" && !errors.Is(err, pickle.ErrLimit) { // what is found out about tuples is remembered
				t.Errorf("%s: error is %v, want ErrLimit", name, err)
			}
		})
		if d > 5*time.Second {
			t.Errorf("%s took %v", name, d)
		}
	}
}

// TestRepeatedText repeats what only the memo keeps small: written again, it must stay small.
func TestRepeatedText(t *testing.T) {
	for name, first := range map[string]string{
		"str":   "X\x00\x00\x01\x00" + strings.Repeat("x", 1<<16),
		"bytes": "B\x00\x00\x01\x00" + strings.Repeat("x", 1<<16),
		"int":   "\x8b\x00\x00\x01\x00" + strings.Repeat("x", 1<<16),
		"range": "cbuiltins\nrange\n(K\x00K\x01K\x01tR",
		"key":   "X\x00\x00\x01\x00" + strings.Repeat("x", 1<<16) + "\x85",
	} {
		data := "\x80\x03](" + first + "q\x00" + strings.Repeat("h\x00", 100_000) + "e."
		v, err := pickle.Decode([]byte(data))
		if err != nil {
			t.Fatal(err)
		}
		out, err := pickle.Marshal(v)
		if err != nil || len(out) > 10*len(data) {
			t.Errorf("%s: %d bytes became %d: %v", name, len(data), len(out), err)
		}
	}
}

// TestAmplification bounds the memory for one byte of a pickle.
func TestAmplification(t *testing.T) {
	const n = 1 << 20
	for name, data := range map[string]string{
		"lists":   "(" + strings.Repeat("]", n) + "t.",
		"dicts":   "(" + strings.Repeat("}", n) + "t.",
		"sets":    "(" + strings.Repeat("\x8f", n) + "t.",
		"marks":   strings.Repeat("(t", n/2) + ".",
		"objects": "cm\nc\nq\x00(" + strings.Repeat("h\x00)\x81", n/4) + "t.",
		"pairs":   "N" + strings.Repeat("2\x86", n/2) + ".",
		"strings": "\x80\x04(" + strings.Repeat("\x8c\x01a", n/3) + "t.",
	} {
		got, _ := allocated(func() {
			if _, err := pickle.Decode([]byte(data)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
		// The stack grows by doubling, and what it grew out of counts here.
		if perByte := got / uint64(len(data)); perByte > 200 {
			t.Errorf("%s: %d bytes for one", name, perByte)
		}
	}
}
