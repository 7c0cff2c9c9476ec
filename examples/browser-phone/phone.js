// A small phone for trying the platform from a browser: SIP over a WebSocket by SIP.js, audio by WebRTC.
// The query string may fill the form: ?server=wss://…&realm=…&user=…&password=…
import { Inviter, Registerer, RegistererState, SessionState, UserAgent } from "./sip.js/index.js";

const $ = (id) => document.getElementById(id);
let agent, registerer, session;

const say = (text) => { $("state").textContent = text; };

for (const [name, value] of new URLSearchParams(location.search)) {
  const field = $("account").elements[name];
  if (field) field.value = value;
}
for (const key of "123456789*0#") {
  const button = document.createElement("button");
  button.textContent = key;
  button.onclick = () => press(key);
  $("keys").append(button);
}

$("account").onsubmit = async (event) => {
  event.preventDefault();
  const { server, realm, user, password } = Object.fromEntries(new FormData(event.target));
  agent = new UserAgent({
    uri: UserAgent.makeURI(`sip:${user}@${realm}`),
    authorizationUsername: user,
    authorizationPassword: password,
    transportOptions: { server },
    sessionDescriptionHandlerFactoryOptions: { iceGatheringTimeout: 500, peerConnectionConfiguration: { iceServers: [] } },
    logLevel: "warn",
    delegate: {
      onInvite: ringing,
      onDisconnect: () => reconnect(),
    },
  });
  try {
    await agent.start();
    await register();
  } catch (error) {
    say(`cannot connect: ${error.message}`);
  }
};

async function register() {
  registerer = new Registerer(agent, { expires: 600 });
  registerer.stateChange.addListener((state) => {
    const on = state === RegistererState.Registered;
    $("account").hidden = on;
    $("dial").hidden = !on;
    if (!session) say(on ? "registered" : "not registered");
  });
  await registerer.register({
    requestDelegate: { onReject: (response) => say(`refused: ${response.message.statusCode} ${response.message.reasonPhrase}`) },
  });
}

// The edge may have been restarted: come back by ourselves, with the registration.
async function reconnect(wait = 1000) {
  say("connection lost");
  await new Promise((resolve) => setTimeout(resolve, wait));
  try {
    await agent.reconnect();
    await register();
  } catch {
    reconnect(Math.min(2 * wait, 15000));
  }
}

$("unregister").onclick = () => registerer.unregister();

$("dial").onsubmit = (event) => {
  event.preventDefault();
  const target = new FormData(event.target).get("target");
  const uri = UserAgent.makeURI(target.includes("@") ? `sip:${target}` : `sip:${target}@${agent.configuration.uri.host}`);
  if (!uri) return say("that cannot be called");
  const call = new Inviter(agent, uri, media);
  follow(call);
  call.invite({
    requestDelegate: {
      onProgress: () => say("ringing"),
      onReject: (response) => say(`refused: ${response.message.statusCode} ${response.message.reasonPhrase}`),
    },
  });
};

const media = { sessionDescriptionHandlerOptions: { constraints: { audio: true, video: false } } };

function ringing(invitation) {
  if (session) return invitation.reject({ statusCode: 486 });
  follow(invitation);
  say(`call from ${invitation.remoteIdentity.uri.user}`);
  $("answer").hidden = false;
}

$("answer").onclick = () => session.accept(media);
$("hangup").onclick = () => {
  switch (session.state) {
    case SessionState.Established: return session.bye();
    case SessionState.Initial: return session.reject ? session.reject() : undefined;
    default: return session.cancel ? session.cancel() : session.reject();
  }
};

function follow(call) {
  session = call;
  $("call").hidden = false;
  $("dial").hidden = true;
  call.stateChange.addListener((state) => {
    if (state === SessionState.Established) {
      $("answer").hidden = true;
      say("in a call");
      const pc = call.sessionDescriptionHandler.peerConnection;
      const heard = new MediaStream(pc.getReceivers().map((receiver) => receiver.track));
      $("remote").srcObject = heard;
      measure(heard);
    } else if (state === SessionState.Terminated) {
      if (session !== call) return;
      session = undefined;
      $("remote").srcObject = null;
      $("call").hidden = $("answer").hidden = true;
      $("dial").hidden = false;
      $("mute").textContent = "Mute";
      $("hold").textContent = "Hold";
      if (!$("state").textContent.startsWith("refused")) say("call ended");
    }
  });
}

// RFC 4733 events, as a telephone sends them.
function press(key) {
  const sender = session?.sessionDescriptionHandler?.peerConnection?.getSenders().find((one) => one.dtmf);
  if (!sender?.dtmf.canInsertDTMF) return say("no keys in this call");
  sender.dtmf.insertDTMF(key, 200, 70);
}

$("mute").onclick = () => {
  const track = session.sessionDescriptionHandler.peerConnection.getSenders()[0].track;
  track.enabled = !track.enabled;
  $("mute").textContent = track.enabled ? "Mute" : "Unmute";
};

$("hold").onclick = async () => {
  const hold = $("hold").textContent === "Hold";
  session.sessionDescriptionHandlerOptionsReInvite = { hold };
  await session.invite({
    requestDelegate: {
      onAccept: () => { $("hold").textContent = hold ? "Resume" : "Hold"; say(hold ? "on hold" : "in a call"); },
      onReject: (response) => say(`refused: ${response.message.statusCode}`),
    },
  });
};

// How loud the other side is; also shows at a glance whether there is any audio at all.
function measure(stream) {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const tick = () => {
    if (!session) return context.close();
    analyser.getFloatTimeDomainData(samples);
    $("level").value = Math.sqrt(samples.reduce((sum, one) => sum + one * one, 0) / samples.length);
    requestAnimationFrame(tick);
  };
  tick();
}

window.phone = { get session() { return session; } }; // for tests and for the curious
