package ndarray

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// Abroad tells a worker that does not see its driver's files how files are called there and here. Each array in an argument
// was copied here under a name made of its path and inode; arrays in results are called what the driver will call them.
type Abroad struct {
	Copies  string `json:"copies"`   // how the paths of copies begin
	Given   string `json:"given"`    // how the paths begin of files here that results carry
	GivenAs string `json:"given_as"` // and what takes the place of that in the driver
}

// CopyName is what the copy of a file of the driver is called behind Copies.
func CopyName(path string, inode uint64) string {
	sum := sha256.Sum256([]byte(path + "\x00" + strconv.FormatUint(inode, 10)))
	return hex.EncodeToString(sum[:12])
}

type origin struct {
	path  string
	inode uint64
}

var abroad struct {
	rules   atomic.Pointer[Abroad]
	origins sync.Map // path of a copy here to the driver's file, an origin
}

// SetAbroad makes the rules hold for this process. A worker does that before its first task.
func SetAbroad(a Abroad) { abroad.rules.Store(&a) }

// arrive makes of a Ref as the driver means it one of the file here. Copies are read-only: a write would be seen by nobody.
func (r Ref) arrive() (Ref, error) {
	rules := abroad.rules.Load()
	if rules == nil || strings.HasPrefix(r.Path, filepath.Dir(rules.Given)+"/") { // one of our own
		return r, nil
	}
	path := rules.Copies + CopyName(r.Path, r.Inode)
	info, err := os.Stat(path)
	if err != nil {
		return r, fmt.Errorf("%w: its copy is not on this node", err)
	}
	st, _ := info.Sys().(*syscall.Stat_t)
	abroad.origins.Store(path, origin{r.Path, r.Inode})
	r.Path, r.Inode, r.Writable, r.Given = path, st.Ino, false, false
	return r, nil
}

// leave is the reverse, for results. A file that is given away has the inode 0: the driver's will have another than ours, and
// names of unnamed files do not come again.
func (r Ref) leave() Ref {
	rules := abroad.rules.Load()
	if rules == nil {
		return r
	}
	if rest, ok := strings.CutPrefix(r.Path, rules.Given); ok && r.Given {
		r.Path, r.Inode = rules.GivenAs+rest, 0
	} else if o, ok := abroad.origins.Load(r.Path); ok {
		r.Path, r.Inode = o.(origin).path, o.(origin).inode
	}
	return r
}

// Copied tells whether the file at path is a copy that was made for a worker abroad.
func Copied(path string) bool {
	rules := abroad.rules.Load()
	return rules != nil && strings.HasPrefix(path, rules.Copies)
}
