package engine

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"example.com/atrium/ndarray"
)

// Kind of a frame.
type Kind uint8

// Kinds of frames. D→W: from the driver to the worker.
const (
	KindHello    Kind = 1  // W→D JSON Hello
	KindSetup    Kind = 2  // D→W JSON Setup
	KindReady    Kind = 3  // W→D
	KindRefused  Kind = 4  // W→D JSON error: this worker will not work
	KindTask     Kind = 5  // D→W task; timeout in ns (8 bytes), length of the name (2 bytes), name, argument
	KindResult   Kind = 6  // W→D task; result
	KindError    Kind = 7  // W→D task; JSON error
	KindCancel   Kind = 8  // D→W task
	KindRecall   Kind = 9  // D→W: give back what has not begun
	KindReturned Kind = 10 // W→D tasks, 8 bytes each
	KindOutput   Kind = 11 // W→D task; 1 or 2 for stdout or stderr (1 byte), text
	KindRetire   Kind = 12 // W→D: this worker wants to be replaced (memory budget)
	KindStop     Kind = 13 // D→W: finish what has begun, then exit
)

// Frame is one message: 4 bytes of length (of what follows), kind (1 byte), task (8 bytes), body; little-endian.
type Frame struct {
	Kind Kind
	Task uint64
	Head []byte // of a body that is sent in two parts
	Body []byte
}

const frameHead = 4 + 1 + 8

// MaxMessage bounds a function's name with its encoded argument, and an encoded result.
const MaxMessage = maxFrame - 64

// maxFrame bounds what is allocated for one message. Bigger values belong into arrays, which go by reference.
const maxFrame = 1 << 30

// Transport carries frames between a driver and one worker, in order. Send may be called from several goroutines, Receive from one. When
// the peer is gone both give an error, Receive after what it had sent.
type Transport interface {
	Send(frames ...Frame) error
	Receive() (Frame, error) // the body is the caller's
	Close() error
}

func errTooLarge(n int) error {
	return fmt.Errorf("atrium: a message of %d bytes is too large for a pool (limit 1 GiB); send big data as an array", n)
}

func errNoFrame(n uint32) error {
	return fmt.Errorf("atrium: a frame claims %d bytes: the peer does not speak the worker protocol", n)
}

// stream is the transport over a socket.
type stream struct {
	c   net.Conn
	r   *bufio.Reader
	mu  sync.Mutex
	out []byte
}

// NewStream makes a transport of one end of a stream socket.
func NewStream(c net.Conn) Transport { return &stream{c: c, r: bufio.NewReaderSize(c, 64<<10)} }

func (s *stream) Send(frames ...Frame) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out = s.out[:0]
	for _, f := range frames {
		if n := len(f.Head) + len(f.Body); n > maxFrame-frameHead {
			return errTooLarge(n)
		}
		s.out = AppendFrame(s.out, f)
	}
	_, err := s.c.Write(s.out)
	if cap(s.out) > 1<<20 {
		s.out = nil
	}
	return err
}

// AppendFrame appends a frame as it goes over a stream.
func AppendFrame(dst []byte, f Frame) []byte {
	h := headOf(f)
	return append(append(append(dst, h[:]...), f.Head...), f.Body...)
}

func (s *stream) Receive() (Frame, error) {
	var head [frameHead]byte
	if _, err := io.ReadFull(s.r, head[:]); err != nil {
		return Frame{}, err
	}
	n := binary.LittleEndian.Uint32(head[:])
	if n < 9 || n > maxFrame {
		return Frame{}, errNoFrame(n)
	}
	f := Frame{Kind: Kind(head[4]), Task: binary.LittleEndian.Uint64(head[5:])}
	body, err := readBody(s.r, int(n-9))
	f.Body = body
	return f, err
}

// readBody allocates no more than what has come, however much was announced.
func readBody(r io.Reader, n int) ([]byte, error) {
	const step = 1 << 20
	body := make([]byte, min(n, step))
	for have := 0; ; {
		m, err := io.ReadFull(r, body[have:])
		have += m
		if err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		if have == n {
			return body, nil
		}
		grown := make([]byte, min(n, 2*have))
		copy(grown, body)
		body = grown
	}
}

func (s *stream) Close() error { return s.c.Close() }

// Hello is a worker's first word.
type Hello struct {
	Protocol int    `json:"protocol"`
	Pid      int    `json:"pid"`
	Language string `json:"language"` // "go", "python"
	Version  string `json:"version"`  // of the language
}

// Protocol is the version of the worker protocol.
const Protocol = 2

// Setup is the driver's answer.
type Setup struct {
	Space   string   `json:"space"`    // directory
	Slot    uint16   `json:"slot"`     // of the driver in the Space
	Epoch   uint32   `json:"epoch"`    // of that slot
	Tag     string   `json:"tag"`      // of files given to the driver or made for it
	Prefix  string   `json:"prefix"`   // how their names begin
	Board   string   `json:"board"`    // path of the pool's board
	Cell    int      `json:"cell"`     // of this worker on it
	Bell    int      `json:"bell"`     // cell on the board with the driver's bell
	Urgent  int      `json:"urgent"`   // cell on the board with this worker's own
	Rings   string   `json:"rings"`    // path of the file with the two rings; "" where all goes over the socket
	Index   int      `json:"index"`    // of the worker in the pool
	Memory  int64    `json:"memory"`   // budget in bytes, 0 for none
	Import  []string `json:"import"`   // Python modules to import before Ready
	Path    []string `json:"path"`     // put before sys.path
	SpaceID string   `json:"space_id"` // the directory may have been made anew
	Begin   *Begin   `json:"begin,omitempty"`

	Abroad *ndarray.Abroad `json:"abroad,omitempty"` // for a worker that does not see its driver's files
}

// Begin is what a Python worker does before it is ready: it makes a module, and calls the function begin in it.
type Begin struct {
	Module string `json:"module"` // its name
	Source string `json:"source"` // of it
	Arg    []byte `json:"arg"`    // what begin is called with
}

// TaskHead is the body of a TASK frame up to the argument.
func TaskHead(function string, timeout time.Duration) []byte {
	b := make([]byte, 0, 10+len(function))
	b = binary.LittleEndian.AppendUint64(b, uint64(timeout))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(function)))
	return append(b, function...)
}

// queued is a task that a worker has received.
type queued struct {
	Task
	id uint64
	f  Invoke // nil when there is none of that name
}

// known is what TASK frames began with last: many tasks in a row are calls of one function.
type known struct {
	head []byte
	task Task
	f    Invoke
}

func (k *known) parse(body []byte, q *queued) error {
	if len(body) < 10 || len(body) < 10+int(binary.LittleEndian.Uint16(body[8:])) {
		return fmt.Errorf("atrium: a TASK frame of %d bytes is too short", len(body))
	}
	n := 10 + int(binary.LittleEndian.Uint16(body[8:]))
	if !bytes.Equal(k.head, body[:n]) {
		k.head = append(k.head[:0], body[:n]...)
		k.task = Task{Func: string(body[10:n]), Timeout: int64Duration(binary.LittleEndian.Uint64(body))}
		k.f = functions[k.task.Func]
	}
	q.Task, q.f = k.task, k.f
	q.Arg = body[n:]
	return nil
}
