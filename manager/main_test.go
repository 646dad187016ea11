package manager

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"example.com/atrium/connection"
	"example.com/atrium/internal/mptest"
	child "example.com/atrium/process"
)

func TestMain(m *testing.M) {
	child.Main()
	mptest.Main(m)
}

var key = []byte("the atrium's key")

// served is a running server and its address as Python writes it.
func served(t testing.TB, conf Config, before ...func(*Server)) (*Server, string) {
	t.Helper()
	return servedAt(t, "unix:"+filepath.Join(t.TempDir(), "m"), conf, before...)
}

func servedAt(t testing.TB, address string, conf Config, before ...func(*Server)) (*Server, string) {
	t.Helper()
	conf.Authkey = key
	if conf.Log == nil {
		conf.Log = func(client string, err error) { t.Logf("%s: %v", client, err) }
	}
	s, err := Listen(address, conf)
	noErr(t, err)
	for _, do := range before {
		do(s)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(context.Background()) }()
	t.Cleanup(func() {
		noErr(t, s.Close())
		select {
		case err := <-ended:
			noErr(t, err)
		case <-time.After(time.Minute):
			t.Error("Serve does not return")
		}
	})
	where, err := connection.PythonAddress(s.Addr())
	noErr(t, err)
	return s, where
}

func noErr(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func withCause() (context.Context, context.CancelCauseFunc) {
	return context.WithCancelCause(context.Background())
}
