package manager

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"example.com/atrium/internal/mptest"
)

// A stock SharedMemoryManager has its segments unlinked by the server, and nothing else.
func TestSegments(t *testing.T) {
	mptest.Check(t)
	s, where := served(t, Config{})
	p := script(t, "segments", where)
	names := strings.Fields(p.Line())
	for _, name := range names {
		if _, err := os.Stat("/dev/shm/" + name); err != nil {
			t.Error(err)
		}
	}
	noErr(t, s.Close())
	for _, name := range names {
		if _, err := os.Stat("/dev/shm/" + name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left: %v", name, err)
		}
	}
	p.Send()
	p.Done()
}

// Another user's segment is not this server's to unlink.
func TestForeignSegment(t *testing.T) {
	mptest.Check(t)
	if os.Geteuid() != 0 {
		mptest.Skip(t, "only root can make another user's file")
	}
	name := "psm_" + strings.Repeat("f0", 6)
	path := "/dev/shm/" + name
	noErr(t, os.WriteFile(path, []byte("x"), 0o600))
	defer os.Remove(path)
	noErr(t, os.Chown(path, 1, 1))
	s, _ := served(t, Config{})
	r := dial(t, s)
	kind, v := r.ask(nil, "track_segment", name)
	if got, _ := said(kind, v).(string); !strings.Contains(got, "PermissionError") {
		t.Error(got)
	}
	noErr(t, os.Remove(path))
	noErr(t, os.Symlink("/etc/hostname", path))
	kind, v = dial(t, s).ask(nil, "track_segment", name)
	if got, _ := said(kind, v).(string); !strings.Contains(got, "PermissionError") {
		t.Error(got)
	}
}
