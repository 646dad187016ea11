package share

import "sync"

// session is who holds something: one connection, or all that named the same session.
type session struct {
	name  string
	users int // connections; guarded by the server's mu

	mu   sync.Mutex
	held map[*entry]int
}

func (s *session) add(o *entry, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held == nil {
		s.held = map[*entry]int{}
	}
	s.held[o] += n
	o.uses.Add(int64(n))
}

func (s *session) remove(o *entry, n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	have := s.held[o]
	if have < n {
		return false
	}
	o.uses.Add(-int64(n))
	if have == n {
		delete(s.held, o)
	} else {
		s.held[o] = have - n
	}
	return true
}

func (s *session) has(o *entry) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held[o]
}

// end gives back what it holds. Nobody uses it any more.
func (s *session) end() {
	for o, n := range s.held {
		o.Object.End(n)
		o.uses.Add(-int64(n))
	}
}

// longestName bounds the name of a session.
const longestName = 64

// join makes the client's session the one of that name.
func (c *client) join(name string) error {
	s := c.server
	switch {
	case name == "" || len(name) > longestName:
		return Raise("ValueError", "a session's name has 1 to %d bytes", longestName)
	case c.session.name != "" || c.asked:
		return Raise("ValueError", "a connection is given its session before anything else")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	have := s.sessions[name]
	if have == nil {
		have = &session{name: name}
		s.sessions[name] = have
	}
	have.users++
	c.session = have
	return nil
}

// leave ends the session with its last connection.
func (c *client) leave() {
	s, h := c.server, c.session
	if h.name != "" {
		s.mu.Lock()
		h.users--
		last := h.users == 0
		if last {
			delete(s.sessions, h.name)
		}
		s.mu.Unlock()
		if !last {
			return
		}
	}
	h.end()
}
