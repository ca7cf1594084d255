package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// asked runs connectord doctor, which says whom it asked, with the given settings.
func asked(t *testing.T, file, variable string, flags ...string) string {
	t.Helper()
	dir := t.TempDir()
	token := filepath.Join(dir, "admin.token")
	if err := os.WriteFile(token, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"doctor", "--token-file", token}, flags...)
	if file != "" {
		settings := filepath.Join(dir, "connectord.yaml")
		if err := os.WriteFile(settings, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config", settings)
	}
	if variable != "" {
		t.Setenv("CONNECTORD_ADMIN", variable)
	}
	var out, errs bytes.Buffer
	if code := run(t.Context(), args, &out, &errs); code == 0 {
		t.Fatalf("somebody answers: %s", out.String())
	}
	return errs.String()
}

// Ports of 127.0.0.1 below 5 are nobody's, so that asking fails at once.
func TestFlagsWinOverVariablesOverTheFileOverTheDefault(t *testing.T) {
	const url = "http://127.0.0.1:"
	for name, tt := range map[string]struct {
		file, variable string
		flags          []string
		want           string
	}{
		"nothing is set":              {"", "", nil, url + "8081"},
		"the file, for every command": {"admin: " + url + "1", "", nil, url + "1"},
		"the file, for the command":   {"doctor:\n  admin: " + url + "1", "", nil, url + "1"},
		"the command's own wins":      {"admin: " + url + "2\ndoctor:\n  admin: " + url + "1", "", nil, url + "1"},
		"another command's is not":    {"connectors:\n  admin: " + url + "2", "", nil, url + "8081"},
		"a variable":                  {"", url + "2", nil, url + "2"},
		"a variable over the file":    {"admin: " + url + "1", url + "2", nil, url + "2"},
		"a variable over its section": {"doctor:\n  admin: " + url + "1", url + "2", nil, url + "2"},
		"a flag over the file":        {"admin: " + url + "1", "", []string{"--admin", url + "3"}, url + "3"},
		"a flag over all":             {"doctor:\n  admin: " + url + "1", url + "2", []string{"--admin", url + "3"}, url + "3"},
		"an empty file":               {"\n# nothing yet\n", "", nil, url + "8081"},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.want == url+"8081" {
				tt.flags = append(tt.flags, "--token-file", filepath.Join(t.TempDir(), "missing"))
				if says := asked(t, tt.file, tt.variable, tt.flags...); !strings.Contains(says, tt.want) {
					t.Errorf("says %q, want that it would have asked %s", says, tt.want)
				}
				return
			}
			if says := asked(t, tt.file, tt.variable, tt.flags...); !strings.Contains(says, tt.want+" is not ready") {
				t.Errorf("says %q, want that it asked %s", says, tt.want)
			}
		})
	}
}

func TestTheFileOfSettingsMustBeUnderstood(t *testing.T) {
	for name, tt := range map[string]struct{ file, says string }{
		"an unknown key":             {"portt: 1", "there is no setting portt"},
		"a key in another spelling":  {"admin_listen: x", "there is no setting admin_listen, did you mean admin-listen?"},
		"a key of another command":   {"doctor:\n  listen: x", "there is no setting doctor.listen"},
		"an unknown section":         {"server:\n  listen: x", "there is no setting server"},
		"a section below a setting":  {"admin:\n  url: x", "--admin: "},
		"deep below":                 {"keys:\n  create:\n    listen: x", "there is no setting keys.create.listen"},
		"every mistake is named":     {"one: 1\ntwo: 2", "two"},
		"help":                       {"help: true", "there is no setting help"},
		"another file":               {"config: other.yaml", "there is no setting config"},
		"a list":                     {"- admin", "cannot unmarshal"},
		"no YAML":                    {"{", "connectord.yaml"},
		"a value of the wrong shape": {"doctor:\n  output: xml", "xml"},
	} {
		t.Run(name, func(t *testing.T) {
			if says := asked(t, tt.file, ""); !strings.Contains(says, tt.says) {
				t.Errorf("says %q, want %q", says, tt.says)
			}
		})
	}
}

func TestAVariableNamesTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "connectord.yaml")
	if err := os.WriteFile(file, []byte("admin: http://127.0.0.1:1"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CONNECTORD_CONFIG", file)
	if says := asked(t, "", ""); !strings.Contains(says, "http://127.0.0.1:1 is not ready") {
		t.Errorf("says %q", says)
	}
}

func TestAFileThatIsNotThereIsWrongUsage(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"doctor", "--config", "nowhere.yaml"}, &out, &errs); code != exitUsage {
		t.Errorf("exit %d: %s", code, errs.String())
	}
}
