package manager

import (
	"fmt"

	"example.com/atrium/pickle"
)

// Share makes an object that all clients find under a name: one of the server's types, "list", "dict", "Queue", "Lock" …, made with these
// arguments, which are pickled as package pickle does.
//
//	err := s.Share("get_jobs", "Queue", 100)
//
// is what Manager.register("get_jobs", callable=lambda: q) is in the server of a Python program. Clients say
//
//	Manager.register("get_jobs")                        # proxytype=DictProxy for a dict, AcquirerProxy for a Lock …
//	jobs = m.get_jobs()
//
// or c.New(ctx, "get_jobs") in Go. The object lives as long as the server. Share is to be called before Serve.
func (s *Server) Share(name, typeid string, args ...any) error {
	if err := s.share(name, typeid, args); err != nil {
		return fmt.Errorf("manager: Share %q: %w", name, err)
	}
	return nil
}

func (s *Server) share(name, typeid string, args []any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := kinds()[typeid]
	if k == nil || k.create == nil {
		return fmt.Errorf("%q is none of the server's own types that can be made; of a type of the program's Register a function that gives the one that there is", typeid)
	}
	k = s.kinds[typeid]
	if err := s.name(&kind{name: name}); err != nil {
		return err
	}
	inst, err := s.make(k, args)
	if err != nil {
		delete(s.kinds, name)
		return fmt.Errorf("making a %s: %w", typeid, err)
	}
	// It is kept as part of a value is: it lives without references, and no client that gives back too many ends it.
	o := s.objects.add(k, inst, nil)
	s.kinds[name].shared = s.objects.nest(o.ident)
	return s.objects.decref(o.ident, nil)
}

// make makes an instance with arguments of this program's.
func (s *Server) make(k *kind, args []any) (instance, error) {
	msg, err := pickle.Marshal(pickle.Tuple(args)) // so that they are what clients' are
	if err != nil {
		return nil, err
	}
	v, err := s.read(msg)
	if err != nil {
		return nil, err
	}
	given, _ := sequence(v)
	return k.create(&call{server: s, method: "create", args: given, kwds: pickle.NewDict()})
}
