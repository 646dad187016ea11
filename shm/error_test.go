package shm_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"example.com/atrium/shm"
)

func TestError(t *testing.T) {
	err := error(&shm.Error{Op: "attach", Name: "prices", Err: fmt.Errorf("%w: more", fs.ErrNotExist)})
	if got := err.Error(); got != "atrium: attach prices: file does not exist: more" {
		t.Error(got)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error("Unwrap gives no cause")
	}
	if got := (&shm.Error{Op: "create", Err: shm.ErrFormat}).Error(); !strings.HasPrefix(got, "atrium: create: not") {
		t.Error(got)
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1: "1 B", 1023: "1023 B", 1024: "1 KiB", 1536: "1.5 KiB", 1 << 20: "1 MiB", 1<<20 - 1: "1 MiB", 64 << 20: "64 MiB",
		5 << 30: "5 GiB", 1 << 50: "1 PiB", math.MaxInt64: "8 EiB", -5: "-5 B",
	} {
		if got := shm.Bytes(n); strings.TrimSuffix(got, ".0") != want && strings.Replace(got, ".0", "", 1) != want {
			t.Errorf("Bytes(%d) is %s, want %s", n, got, want)
		}
	}
}

// TestUnnamedNames has every name this package gives read back, and no name it allows a user.
func TestUnnamedNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := shm.Owner{Slot: rapid.Uint16Range(1, 4095).Draw(t, "slot"), Epoch: rapid.Uint32().Draw(t, "epoch")}
		name := fmt.Sprintf(".%d-%d-%s", want.Slot, want.Epoch, rapid.StringMatching("[^/\x00]{1,20}").Draw(t, "rest"))
		if got, ok := shm.ParseUnnamed(name); !ok || got != want || want.String() != fmt.Sprintf("%d-%d", want.Slot, want.Epoch) {
			t.Fatalf("%s is read as %v, %v", name, got, ok)
		}
		if shm.CheckName(name) == nil {
			t.Fatalf("a user may call an object %s", name)
		}
		any := rapid.String().Draw(t, "any")
		if _, unnamed := shm.ParseUnnamed(any); unnamed && shm.CheckName(any) == nil {
			t.Fatalf("%q is both", any)
		}
		if shm.CheckName(any) == nil && (strings.ContainsAny(any, "/\x00\n") || any == "" || any[0] == '.') {
			t.Fatalf("%q is allowed", any)
		}
	})
}
