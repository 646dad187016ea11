package main_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"example.com/atrium/internal/mptest"
	"go.yaml.in/yaml/v3"
)

// deployed is a file of docs/deploy.
func deployed(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../../docs/deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The systemd unit's command serves, where clients look, and systemd understands the unit.
func TestUnit(t *testing.T) {
	p := newPlace(t)
	unit := deployed(t, "atrium.service")
	_, line, _ := strings.Cut(unit, "\nExecStart=")
	line, _, _ = strings.Cut(line, "\n")
	args := strings.Fields(strings.ReplaceAll(line, "%t", p.dir))
	if len(args) < 2 || args[0] != "/usr/local/bin/atrium" || args[1] != "serve" {
		t.Fatalf("ExecStart=%s", line)
	}
	s := &server{p: p, Proc: mptest.StartCmd(t, "serve", p.command(args[1:]...)), at: "unix:" + p.dir + "/atrium/manager"}
	s.logs("serving")
	s.dial(true) // with the key that is where it is without --authkey-file
	s.end()

	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Log("SKIPPED: no systemd-analyze, so that nothing but the command of the unit was looked at")
		return
	}
	copied := filepath.Join(p.dir, "atrium.service")
	p.file("atrium.service", strings.ReplaceAll(unit, args[0], "/bin/true"))
	if out, err := exec.Command(analyze, "verify", copied).CombinedOutput(); err != nil || strings.Contains(string(out), "atrium.service") {
		t.Errorf("%v\n%s", err, out)
	}
}

// The manifest is YAML, its command serves, and its parts name each other rightly.
func TestManifest(t *testing.T) {
	p := newPlace(t)
	type labels map[string]string
	type port struct {
		Name          string
		ContainerPort int `yaml:"containerPort"`
		Port          any
		TargetPort    string `yaml:"targetPort"`
	}
	type probe struct {
		HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
	}
	type object struct {
		Kind     string
		Metadata struct{ Name string }
		Spec     struct {
			Replicas    int
			Selector    yaml.Node
			Ports       []port
			PodSelector struct {
				MatchLabels labels `yaml:"matchLabels"`
			} `yaml:"podSelector"`
			Template struct {
				Metadata struct{ Labels labels }
				Spec     struct {
					Grace      int `yaml:"terminationGracePeriodSeconds"`
					Containers []struct {
						Args      []string
						Ports     []port
						Liveness  probe `yaml:"livenessProbe"`
						Readiness probe `yaml:"readinessProbe"`
						Env       []struct{ Name string }
					}
				}
			}
		}
	}
	all := map[string]object{}
	for d := yaml.NewDecoder(bytes.NewReader([]byte(deployed(t, "kubernetes.yaml")))); ; {
		var o object
		err := d.Decode(&o)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		all[o.Kind] = o
	}
	pod, service, policy := all["Deployment"].Spec.Template, all["Service"].Spec, all["NetworkPolicy"].Spec
	if len(all) != 3 || len(pod.Spec.Containers) != 1 || all["Deployment"].Spec.Replicas != 1 {
		t.Fatalf("%+v", all)
	}
	c := pod.Spec.Containers[0]
	var selector labels
	if err := service.Selector.Decode(&selector); err != nil || selector["app"] != pod.Metadata.Labels["app"] || policy.PodSelector.MatchLabels["app"] != selector["app"] {
		t.Errorf("%v: %v, %v and %v", err, selector, policy.PodSelector, pod.Metadata.Labels)
	}
	args := strings.Join(c.Args, " ")
	if !strings.Contains(args, "--address=tcp:0.0.0.0:5000") || !strings.Contains(args, "--health=0.0.0.0:9100") || c.Ports[0].ContainerPort != 5000 || c.Ports[1].ContainerPort != 9100 ||
		service.Ports[0].Port != 5000 || service.Ports[0].TargetPort != c.Ports[0].Name || c.Liveness.HTTPGet.Port != c.Ports[1].Name || c.Readiness.HTTPGet.Path != "/readyz" ||
		c.Env[0].Name != "ATRIUM_AUTHKEY" || pod.Spec.Grace < 10 {
		t.Errorf("%+v", c)
	}
	p.env = []string{"ATRIUM_AUTHKEY=the Secret's"}
	args = strings.NewReplacer(":5000", ":0", ":9100", ":0").Replace(args)
	s := &server{p: p, Proc: mptest.StartCmd(t, "serve", p.command(strings.Fields(args)...))}
	s.logs(`"serving"`)
	s.end()
}
