package connection

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/atrium/internal/mptest"
)

// said is one side of a handshake as CPython does it: see testdata/handshake.py.
type said struct {
	Python, Side, Case string
	OK                 bool
	Got, Sent          string
}

func golden(t testing.TB, r io.Reader) (all []said) {
	t.Helper()
	for sc := bufio.NewScanner(r); sc.Scan(); {
		var s said
		if err := json.Unmarshal(sc.Bytes(), &s); err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

func goldenFile(t testing.TB) []said {
	t.Helper()
	f, err := os.Open("testdata/handshake.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return golden(t, f)
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// scripted is a handshake with a peer that sends what is written down; out is what it is sent.
func scripted(got []byte, conf Config) (h *handshake, out *bytes.Buffer) {
	conf = conf.withDefaults()
	out = new(bytes.Buffer)
	h = newHandshake(newReader(&stream{data: got, end: io.EOF}), out, &conf)
	h.random = func(b []byte) {
		for i := range b {
			b[i] = byte(i)
		}
	}
	return h, out
}

var goldenKey = []byte("the atrium's key")

func TestGoldenHandshake(t *testing.T) {
	tried := 0
	for _, s := range goldenFile(t) {
		if s.Side == "deliver" && s.Python == "3.11" {
			continue // a challenge of 20 bytes, which nobody needs to send any more
		}
		conf := Config{Authkey: goldenKey}
		if asked, ok := strings.CutPrefix(s.Case, "asks "); ok {
			conf.Digest = asked
		}
		h, out := scripted(unhex(t, s.Got), conf)
		side := h.deliver
		if s.Side == "answer" {
			side = h.answer
		}
		err := side()
		if (err == nil) != s.OK || err != nil && !errors.Is(err, ErrAuthentication) {
			t.Errorf("%s %s of %s: %v, and CPython accepts: %v", s.Side, s.Case, s.Python, err, s.OK)
		}
		if got := hex.EncodeToString(out.Bytes()); got != s.Sent {
			t.Errorf("%s %s of %s sent\n%s, CPython\n%s", s.Side, s.Case, s.Python, got, s.Sent)
		}
		tried++
	}
	if tried < 25 {
		t.Errorf("%d handshakes are written down", tried)
	}
}

// The golden file is what the interpreters of this machine say, of each version that is here.
func TestGoldenIsCPython(t *testing.T) {
	want := map[string][]said{}
	for _, s := range goldenFile(t) {
		want[s.Python] = append(want[s.Python], s)
	}
	for version, exe := range Pythons(t) {
		cmd := exec.Command(exe, "testdata/handshake.py")
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(version, err)
		}
		expect := want["3.13"]
		if version < "3.12" && len(version) == 4 || version == "3.9" {
			expect = want["3.11"]
		}
		got := golden(t, bytes.NewReader(out))
		for i := range got {
			got[i].Python = expect[0].Python
		}
		if d := cmp.Diff(expect, got); d != "" {
			t.Errorf("CPython %s says otherwise:\n%s", version, d)
		}
	}
}

func TestRefuseMD5(t *testing.T) {
	for _, s := range goldenFile(t) {
		md5 := s.OK && (s.Case == "legacy" || s.Case == "md5" && s.Side == "answer" || s.Case == "md5" && s.Side == "deliver")
		if !md5 && s.Case != "sha256" || s.Side == "deliver" && s.Python == "3.11" {
			continue
		}
		h, _ := scripted(unhex(t, s.Got), Config{Authkey: goldenKey, RefuseMD5: true})
		side := h.deliver
		if s.Side == "answer" {
			side = h.answer
		}
		if err := side(); errors.Is(err, ErrAuthentication) != md5 || md5 && !strings.Contains(err.Error(), "RefuseMD5") {
			t.Errorf("%s %s of %s: %v", s.Side, s.Case, s.Python, err)
		}
	}
}

// Whatever is wrong with an answer, the peer hears the same.
func TestNoOracle(t *testing.T) {
	want := ""
	for _, answer := range []string{"", "x", "{sha256}", "{sha256}" + strings.Repeat("x", 32), "{sha1}" + strings.Repeat("x", 20), strings.Repeat("x", 16), strings.Repeat("x", 20), strings.Repeat("{", 256), challengeWord + strings.Repeat("y", 20)} {
		h, out := scripted(frames(answer), Config{Authkey: []byte("key")})
		if err := h.deliver(); !errors.Is(err, ErrAuthentication) {
			t.Errorf("%q: %v", answer, err)
		}
		if want == "" {
			want = out.String()
		}
		if got := out.String(); got != want || !strings.HasSuffix(got, failureWord) {
			t.Errorf("%q: the peer hears %q", answer, got)
		}
	}
}

// Nobody without the key gets through, or makes us read or send more than a handshake.
func FuzzHandshake(f *testing.F) {
	for _, s := range goldenFile(f) {
		f.Add(unhex(f, s.Got), true)
		f.Add(unhex(f, s.Got), false)
	}
	f.Add(frames(strings.Repeat("x", 257)), true)
	f.Add([]byte("\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x05{md5}"), true)
	f.Add(frames("{}", challengeWord+"{}"+strings.Repeat("x", 30), welcomeWord), false)
	f.Fuzz(func(t *testing.T, data []byte, serves bool) {
		h, out := scripted(data, Config{Authkey: []byte("a key that is in no corpus")})
		err := h.join()
		if serves {
			h, out = scripted(data, Config{Authkey: []byte("a key that is in no corpus")})
			err = h.serve()
		}
		if !errors.Is(err, ErrAuthentication) {
			t.Fatalf("%v", err)
		}
		if out.Len() > 5*(shortHead+handshakeMost) {
			t.Fatalf("%d bytes sent", out.Len())
		}
	})
}

// Pythons are the interpreters of the versions that are here, by "3.11": ATRIUM_PYTHON, those installed beside it, and
// those of the PATH.
func Pythons(t testing.TB) map[string]string {
	t.Helper()
	found := pythons(mptest.Python(t))
	if len(found) == 0 {
		t.Fatal("no interpreter")
	}
	return found
}
