//go:build unix

package host_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
)

func TestAConnectorIsInstalledSwappedAndSwappedBack(t *testing.T) {
	dir := t.TempDir()
	r := start(t, dir, program(t, "first"))
	first := r.Releases()[0].Digest
	r.serves(first)
	r.want(http.StatusNotFound, "POST", path("/rollback"), "")

	status, made := r.install(program(t, "second"))
	if status != http.StatusOK {
		t.Fatalf("installing: %d %v", status, made)
	}
	second := digestOf(t, made)
	if again, same := r.install(program(t, "second")); again != http.StatusOK || digestOf(t, same) != second || len(r.Releases()) != 2 {
		t.Errorf("installing again made %v", same)
	}
	r.serves(first)
	if report := r.want(http.StatusOK, "POST", path("/swap"), `{"release":"`+second[:12]+`"}`); report["unchanged"] != nil {
		t.Errorf("swap reports %v", report)
	}
	r.serves(second)
	if report := r.want(http.StatusOK, "POST", path("/swap"), `{"release":"`+second+`"}`); report["unchanged"] != true {
		t.Errorf("swapping to what serves reports %v", report)
	}
	r.want(http.StatusOK, "POST", path("/rollback"), "")
	r.serves(first)
	r.want(http.StatusOK, "POST", path("/swap"), `{"release":"`+second+`"}`)
	r.end()

	again := start(t, dir, program(t, "first"))
	again.serves(second)
}

func TestARestartReplacesTheProcess(t *testing.T) {
	r := start(t, t.TempDir(), program(t, ""))
	before := r.Connectors()[0]
	r.want(http.StatusOK, "POST", path("/restart"), "")
	after := r.Connectors()[0]
	if after.PID == before.PID || after.Generation <= before.Generation || after.Restarts != 0 {
		t.Errorf("process %+v became %+v", before, after)
	}
}

func TestACrashIsSeenToldAndMended(t *testing.T) {
	r := start(t, t.TempDir(), program(t, ""))
	before := r.Connectors()[0]
	if status, _ := r.page(r.AdminURL() + "/readyz"); status != http.StatusOK {
		t.Fatalf("ready is %d", status)
	}
	program := r.Releases()[0].Path // without it nothing can be started again
	if err := os.Rename(program, program+".away"); err != nil {
		t.Fatal(err)
	}
	r.kill()
	eventually(t, "readiness tells of the crash", func() error {
		status, answer := r.operate("GET", "/readyz", nil)
		if text, _ := answer["error"].(string); status != http.StatusServiceUnavailable || !strings.Contains(text, "connector acme-pay is ") {
			return fmt.Errorf("%d %v", status, answer)
		}
		return nil
	})
	if err := os.Rename(program+".away", program); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the connector serves again", func() error {
		if r.Connectors()[0].State == "quarantined" { // this machine was very slow
			r.want(http.StatusOK, "POST", path("/end-quarantine"), "")
		}
		if now := r.Connectors()[0]; now.PID == before.PID || now.State != "serving" {
			return fmt.Errorf("it is %s", now.State)
		}
		return nil
	})
	r.want(http.StatusOK, "GET", "/readyz", "")
	after := r.want(http.StatusOK, "GET", path(""), "")
	if restarts, _ := after["restarts"].(float64); restarts < 1 || after["last_exit"] == nil {
		t.Errorf("connector is %v", after)
	}
	told := false
	items, _ := r.want(http.StatusOK, "GET", path("/history"), "")["items"].([]any)
	for _, item := range items {
		step, _ := item.(map[string]any)
		told = told || step["name"] == "crashed"
	}
	if !told {
		t.Errorf("the history does not tell of the crash: %v", items)
	}
}

func TestWhatIsNoConnectorIsNotInstalled(t *testing.T) {
	r := start(t, t.TempDir())
	for name, body := range map[string]string{
		"a text":               "hello",
		"half a program":       "\x7fELF\x02\x01\x01",
		"a script that is not": "#!/nowhere/to/be/found\n",
		"a script that talks":  "#!/bin/sh\necho hello\n",
		"a script that ends":   "#!/bin/sh\nexit 3\n",
	} {
		t.Run(name, func(t *testing.T) {
			r.t = t
			answer := r.want(http.StatusUnprocessableEntity, "POST", "/v1/releases", body)
			if text, _ := answer["error"].(string); text == "" {
				t.Errorf("answer is %v", answer)
			}
		})
	}
	r.t = t
	if len(r.Releases()) != 0 || len(r.Connectors()) != 0 {
		t.Errorf("releases are %v, connectors %v", r.Releases(), r.Connectors())
	}
}

func TestTheConsoleLinkLetsAnOperatorIn(t *testing.T) {
	r := start(t, t.TempDir())
	status, header := r.page(r.ConsoleLink())
	if status != http.StatusSeeOther || header.Get("Location") != "/console" || header.Get("Set-Cookie") == "" {
		t.Errorf("%d %v", status, header)
	}
	if info, err := os.Stat(r.AdminTokenFile()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the token's file is %v, %v", info.Mode(), err)
	}
	if status, _ := r.page(r.ConsoleURL() + "?token=" + url.QueryEscape(r.token()+"x")); status != http.StatusUnauthorized {
		t.Errorf("a wrong token gets %d", status)
	}
	if strings.Contains(r.log.String(), r.token()) {
		t.Error("the log holds the token")
	}
}

func TestDoorsForThoseWhoAreNotMerchants(t *testing.T) {
	r := start(t, t.TempDir())
	const nobody = "00000000-0000-4000-8000-000000000000"
	for name, at := range map[string]string{
		"a buyer of an unknown payment": "/return/" + nobody + "/token/approved",
		"a buyer on an unknown page":    "/return/" + nobody + "/token/elsewhere",
	} {
		if status, _ := r.page(r.APIURL() + at); status != http.StatusNotFound {
			t.Errorf("%s gets %d", name, status)
		}
	}
	res, err := r.client.Post(r.APIURL()+"/webhooks/"+nobody, "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusNotFound {
		t.Errorf("a webhook of nobody gets %d", res.StatusCode)
	}
}
