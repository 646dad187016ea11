package ndarray

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"example.com/atrium/ndarray/internal/oracle"
	"example.com/atrium/ndarray/npy"
	"example.com/atrium/shm"
)

// TestMain lets the test binary be the other process.
func TestMain(m *testing.M) {
	if ref := os.Getenv("NDARRAY_TEST_CHILD"); ref != "" {
		b, err := hex.DecodeString(ref)
		var a Array[int64]
		if err == nil {
			err = a.UnmarshalBinary(b)
		}
		if err == nil {
			for i := range a.Len() {
				a.Set(a.At(i)*10, i)
			}
			err = a.Close()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestAnotherProcessWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npy")
	a := must(Create[int64](path, 6))
	defer closeAll(t, a)
	for i := range 6 {
		a.Set(int64(i), i)
	}
	child := func(b []byte) (string, error) {
		cmd := exec.Command(must(os.Executable()))
		cmd.Env = append(os.Environ(), "NDARRAY_TEST_CHILD="+hex.EncodeToString(b))
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := child(must(a.SliceStep(0, 6, -2).MarshalBinary())); err != nil {
		t.Fatal(out, err)
	}
	if got := elements(a); !slices.Equal(got, []int64{0, 10, 2, 30, 4, 50}) {
		t.Error(got)
	}
	if out, err := child(must(must(a.Reshape(2, 3)).MarshalBinary())); err == nil || !strings.Contains(out, "indices for 2 axes") {
		t.Error(out, err)
	}
	r := must(a.Ref())
	r.Inode++
	if out, err := child(must(r.AppendBinary(nil))); err == nil || !strings.Contains(out, "another file took its name") {
		t.Error(out, err)
	}
}

// Any file of a few hundred bytes, whatever it says of itself, can be refused
// or read to the last element.
func FuzzMap(f *testing.F) {
	for _, h := range []npy.Header{
		{DType: DTypeOf[float64](), Shape: []int{3, 4}}, {DType: must(npy.ParseDType("[('a', '<U2'), ('b', '|u1', (2,))]")), Shape: []int{2}, Fortran: true}, {DType: DTypeOf[bool]()},
	} {
		n := must(h.DataSize())
		f.Add(append(must(npy.AppendHeader(nil, h)), make([]byte, n)...))
	}
	path := filepath.Join(f.TempDir(), "a.npy")
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		a, err := MapAny(path)
		if err != nil {
			return
		}
		defer closeAll(t, a)
		if a.NBytes() > len(b) {
			t.Fatalf("%d bytes of a file of %d", a.NBytes(), len(b))
		}
		if a.NBytes() == 0 {
			return
		}
		each(a.shape, func(idx []int) {
			_ = bytes.Clone(a.Bytes(idx...))
			_, _ = a.StringAt(idx...)
		})
		var out bytes.Buffer
		if err := a.WriteNPY(&out); err != nil {
			t.Fatal(err)
		}
		again := must(MapAny(writeFile(t, out.Bytes())))
		defer closeAll(t, again)
		if !slices.Equal(again.shape, a.shape) || !again.dtype.Equal(*a.dtype) {
			t.Fatalf("%s became %s", a, again)
		}
	})
}

// Arrays of every dtype that NumPy saved, as views it makes of them: Copy of
// ours and of theirs give the same bytes.
func TestEveryDTypeFromNumPy(t *testing.T) {
	dir := t.TempDir()
	var names []string
	err := json.Unmarshal(oracle.Run(t, `
import sys, json
import numpy as np
rng = np.random.default_rng(1)
codes = "? b B <h >h <I >i <q >Q <e >e <f >f <d >d <F >F <D >D <g S3 <U2 >U3 V5 <M8[ns] >M8[D] <m8[25s]".split()
dtypes = [np.dtype(c) for c in codes] + [np.dtype([("a", "<f8"), ("b", ">i2", (2,))]), np.dtype([("a", "u1"), ("b", "<f8")])]
names = []
for i, dt in enumerate(dtypes):
    for order in "CF":
        b = rng.integers(0, 2 if dt.kind == "b" else 100, 3 * 4 * 5 * dt.itemsize, "u1").tobytes()
        a = np.asarray(np.frombuffer(b, dt).reshape(3, 4, 5), order=order)
        name = f"{sys.argv[1]}/{i}{order}"
        np.save(name + ".npy", a)
        np.save(name + ".want.npy", np.ascontiguousarray(a.T[::-1, 1:3][:, :, ::2]))
        names.append(name)
json.dump(names, sys.stdout)
`, nil, dir), &names)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		a, want := must(MapAny(name+".npy")), must(MapAny(name+".want.npy"))
		if a.FortranContiguous() != strings.HasSuffix(name, "F") {
			t.Errorf("%s: order", a)
		}
		v := a.Transpose().SliceStep(0, 5, -1).SliceAxis(1, 1, 3, 1).SliceAxis(2, 0, 3, 2)
		got := blank(v.dtype.String(), v.shape...)
		if err := Copy(got, v); err != nil {
			t.Error(err)
		}
		if !bytes.Equal(got.mem, want.mem[want.off:]) || !slices.Equal(v.shape, want.shape) || !v.dtype.Equal(*want.dtype) {
			t.Errorf("%s: %x, NumPy %x", a, got.mem, want.mem[want.off:])
		}
		closeAll(t, a, want)
	}
}

// A write through a read-only mapping is a fault that a goroutine can survive,
// and whose array it can name.
func TestFaultNamesTheArray(t *testing.T) {
	path := npyFile(t, "<f8", false, 24, 3)
	a := must(Map[float64](path))
	defer closeAll(t, a)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if at, written, ok := shm.Faulted(recover()); at != path || !written || !ok {
			t.Errorf("fault in %q, written %v, %v", at, written, ok)
		}
	}()
	a.Row(0)[0] = 1
}

func TestShareKeepsWhatItCannotName(t *testing.T) {
	sp := space(t)
	_, err := Share(sp, "a/b", arange[int64](3).Any)
	wantErr(t, err, shm.ErrName)
	if list := must(sp.List()); len(list) != 0 {
		t.Errorf("left behind: %v", list)
	}
}

// A name that is taken is noticed before there is asked for room: here there is none.
func TestShareLooksForItsNameFirst(t *testing.T) {
	sp := space(t)
	a := must(Share(sp, "taken", arange[int64](3).Any))
	path := npyFile(t, "|u1", false, 0, 1<<42)
	if err := os.Truncate(path, 1<<42+1<<20); err != nil {
		t.Fatal(err)
	}
	big := must(MapAny(path))
	_, err := Share(sp, "taken", big)
	wantErr(t, err, fs.ErrExist, "taken")
	_, err = Share(sp, "free", big)
	wantErr(t, err, shm.ErrNoSpace)
	closeAll(t, a, big)
}

func TestUnreadable(t *testing.T) {
	path := npyFile(t, "<f8", false, 24, 3)
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 { // root opens everything: be nobody, on this thread
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := syscall.Setfsuid(65534); err != nil {
			t.Fatal(err)
		}
		defer syscall.Setfsuid(0)
	}
	_, err := MapRW[float64](path)
	wantErr(t, err, fs.ErrPermission, path)
}

// Field views are NumPy's: each against a model of the same record.
func TestFields(t *testing.T) {
	d := must(npy.ParseDType("[('n', '<i8'), ('pos', '<f8', (2, 3)), ('', '|V4'), ('in', [('s', '|S4'), ('v', '<i8')])]"))
	rapid.Check(t, func(t *rapid.T) {
		shape := drawShape(t, "shape")
		a := blank(d.String(), shape...)
		n := must(As[int64](must(a.Field("n"))))
		pos := must(As[float64](must(a.Field("pos"))))
		in := must(a.Field("in"))
		s := must(in.Field("s"))
		k := int64(0)
		each(shape, func(idx []int) {
			n.Set(k, idx...)
			for i := range 2 {
				for j := range 3 {
					pos.Set(float64(100*k)+float64(10*i+j), append(slices.Clone(idx), i, j)...)
				}
			}
			if err := s.SetString(fmt.Sprint(k%1000), idx...); err != nil {
				t.Fatal(err)
			}
			k++
		})
		k = 0
		each(shape, func(idx []int) {
			b := a.Bytes(idx...)
			if n.At(idx...) != k || pos.At(append(slices.Clone(idx), 1, 2)...) != float64(100*k)+12 || string(bytes.TrimRight(b[8+48+4:8+48+4+4], "\x00")) != fmt.Sprint(k%1000) {
				t.Fatalf("record %d is %x", k, b)
			}
			k++
		})
	})
}
