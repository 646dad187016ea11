package pickle

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestSlow(t *testing.T) {
	files, _ := filepath.Glob(os.Getenv("CORPUS") + "/*")
	for _, f := range files {
		b, _ := os.ReadFile(f)
		line := strings.Split(string(b), "\n")[1]
		s, err := strconv.Unquote(strings.TrimSuffix(strings.TrimPrefix(line, "[]byte("), ")"))
		if err != nil {
			continue
		}
		lap := time.Now()
		step := func(name string) {
			if d := time.Since(lap); d > 20*time.Millisecond {
				fmt.Println(filepath.Base(f), name, d, len(s))
			}
			lap = time.Now()
		}
		d := Decoder{Limits: Limits{MaxItems: 100_000, MaxBytes: 1 << 16}, Buffers: [][]byte{[]byte("one"), []byte("two")}}
		v, _, err := d.DecodePrefix([]byte(s))
		step("decode")
		if err != nil {
			continue
		}
		Hashable(v)
		step("hash")
		ReprMax(v, 10000)
		step("repr")
		out, err := Marshal(v)
		step("marshal")
		if err != nil {
			continue
		}
		w, _ := Decode(out)
		step("decode2")
		Equal(v, w)
		step("equal")
	}
}
