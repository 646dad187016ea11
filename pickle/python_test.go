package pickle_test

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"example.com/atrium/pickle"
)

// oracle starts testdata/oracle.py with input, and returns the records that it writes.
func oracle(t *testing.T, mode string, input []byte) [][]byte {
	t.Helper()
	name := cmp.Or(os.Getenv("ATRIUM_PYTHON"), "python3")
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no %s to compare with", name)
		}
		t.Skipf("SKIPPED: no %s to compare with; set ATRIUM_PYTHON", name)
	}
	cmd := exec.Command(path, "testdata/oracle.py", mode)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("oracle.py %s: %v", mode, err)
	}
	var records [][]byte
	for r := bufio.NewReader(bytes.NewReader(out)); ; {
		var n uint32
		if err := binary.Read(r, binary.BigEndian, &n); errors.Is(err, io.EOF) {
			return records
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(r, b); err != nil {
			t.Fatal(err)
		}
		records = append(records, b)
	}
}

func record(dst []byte, b ...[]byte) []byte {
	for _, b := range b {
		dst = append(binary.BigEndian.AppendUint32(dst, uint32(len(b))), b...)
	}
	return dst
}

// A sample is a value that Python pickled.
type sample struct {
	index, proto int
	name, repr   string
	data         []byte
}

var (
	samplesMu sync.Mutex
	known     []sample
)

func samples(t *testing.T) []sample {
	t.Helper()
	samplesMu.Lock()
	defer samplesMu.Unlock()
	if known != nil {
		return known
	}
	var all []sample
	records := oracle(t, "gen", nil)
	for i := 0; i < len(records); i += 2 {
		head := strings.SplitN(string(records[i]), "\t", 4)
		index, _ := strconv.Atoi(head[0])
		proto, _ := strconv.Atoi(head[1])
		all = append(all, sample{index, proto, head[2], head[3], records[i+1]})
	}
	known = all
	return all
}

// TestThroughGo decodes what Python pickled, in all protocols, encodes it again, and has Python compare types, values and sharing.
func TestThroughGo(t *testing.T) {
	all := samples(t)
	first := map[int]any{}
	reprs, trips := 0, 0
	var back []byte
	for _, s := range all {
		v, err := pickle.Decode(s.data)
		if err != nil {
			t.Errorf("%s in protocol %d: %v", s.name, s.proto, err)
			continue
		}
		if s.repr != "" {
			reprs++
			if got := pickle.Repr(v); got != s.repr {
				t.Errorf("%s in protocol %d: Repr is %.200s, Python's %.200s", s.name, s.proto, got, s.repr)
			}
		}
		// What is data here must be the same from all protocols.
		if w, ok := first[s.index]; !ok {
			first[s.index] = v
		} else if s.repr != "" && !strings.Contains(s.repr, "nan") && !pickle.Equal(v, w) {
			t.Errorf("%s in protocol %d differs from that in an older one", s.name, s.proto)
		}
		for proto := 2; proto <= 5; proto++ {
			data, err := pickle.Encoder{Protocol: proto}.Append(nil, v)
			if err != nil {
				t.Errorf("%s from protocol %d to %d: %v", s.name, s.proto, proto, err)
				continue
			}
			trips++
			head := fmt.Sprintf("%d\t%d\t%d\t%s", s.index, s.proto, proto, s.name)
			back = record(back, []byte(head), data)
		}
	}
	for _, line := range oracle(t, "check", back) {
		if len(line) > 0 {
			t.Errorf("%s", line)
		}
	}
	if len(first) < 1400 || reprs < 3000 {
		t.Errorf("only %d values with %d reprs were compared", len(first), reprs)
	}
	t.Logf("%d values, %d pickles read, %d reprs, %d round trips", len(first), len(all), reprs, trips)
}

// TestTruncatedSamples cuts pickles of all kinds at every byte: each must give an error.
func TestTruncatedSamples(t *testing.T) {
	for _, s := range samples(t) {
		if len(s.data) > 600 {
			continue
		}
		for n := range len(s.data) {
			if v, err := pickle.Decode(s.data[:n:n]); err == nil {
				t.Fatalf("%s in protocol %d, cut to %d of %d bytes, decodes as %s", s.name, s.proto, n, len(s.data), pickle.Repr(v))
			}
		}
	}
}

func object(v any) bool {
	_, ok := v.(*pickle.Object)
	return ok
}

func TestEqualAsPython(t *testing.T) {
	records := oracle(t, "equal", nil)
	n, _ := strconv.Atoi(string(records[0]))
	values := make([]any, n)
	for i := range values {
		v, err := pickle.Decode(records[1+2*i])
		if err != nil {
			t.Fatal(err)
		}
		values[i] = v
		hashable, want := pickle.Hashable(v), string(records[2+2*i])
		switch {
		case want == "1" && hashable != nil:
			t.Errorf("%s is hashable in Python: %v", pickle.Repr(v), hashable)
		case want != "1" && hashable == nil && !strings.Contains(want, "slice"): // slices are, from 3.12 on
			t.Errorf("%s is hashable, but Python says %s", pickle.Repr(v), want)
		case want != "1" && hashable != nil && hashable.Error() != want:
			t.Errorf("%s: the error is %q, Python's %q", pickle.Repr(v), hashable, want)
		}
	}
	for i, a := range values {
		row := records[1+2*n+i]
		for j, b := range values {
			want := row[j] == '1'
			if object(a) != object(b) {
				want = false // Decimal("1.5") == 1.5, but here it is an Object
			}
			if got := pickle.Equal(a, b); got != want {
				t.Errorf("%s == %s is %v, in Python %v", pickle.Repr(a), pickle.Repr(b), got, want)
			}
			if pickle.Hashable(a) != nil || pickle.Hashable(b) != nil {
				continue
			}
			// Equal keys are one key, which needs equal hashes; a table is only there in bigger dicts.
			d := &pickle.Dict{}
			for k := range 20 {
				_ = d.Set(fmt.Sprint("filler ", k), nil)
			}
			_ = d.Set(a, "found")
			if _, got := d.Get(b); got != want {
				t.Errorf("%s in {%s} is %v, in Python %v", pickle.Repr(b), pickle.Repr(a), got, want)
			}
		}
	}
}
