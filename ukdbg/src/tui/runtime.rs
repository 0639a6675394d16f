//! The terminal: the one module that touches it, and gives it back as it was
//! on every way out. Also where messages from keys, signals and the engine
//! come together.

use std::io::{self, Stdout, Write};
use std::panic::{self, PanicHookInfo};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread;
use std::time::Duration;

use crossterm::cursor::Show;
use crossterm::event::{
    self, DisableBracketedPaste, EnableBracketedPaste, Event as TerminalEvent, KeyCode, KeyEvent,
    KeyEventKind, KeyModifiers,
};
use crossterm::execute;
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Size;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals;
use ukdbg_session::Session;
use ukdbg_session::inspect::Target;

use super::engine::{Command, Host, work};
use super::keys::Key;
use super::message::{Effect, Message, Quit};
use super::model::Model;
use super::update::{ask, settle, update};
use super::view::view;
use super::{Farewell, Setup};

/// How often the thread that reads keys looks whether it is to end.
const INPUT_SLICE: Duration = Duration::from_millis(50);
/// Messages that may wait to be drawn; then the engine waits.
const WAITING: usize = 256;

/// Opens the terminal interface on a session and returns when it is left, the
/// terminal as it was. Ending the guest or letting it go is the caller's.
pub(crate) fn run<T: Target + Send>(
    session: &mut Session<'_, T>,
    host: &mut (dyn Host<T> + Send),
    setup: Setup,
) -> io::Result<Farewell> {
    let mut screen = Screen::open()?;
    let (events, messages) = mpsc::sync_channel(WAITING);
    let (commands, orders) = mpsc::channel();
    let signals = Signalling::start(events.clone())?;
    let keys = Keys::start(events.clone())?;
    let start = setup.start.clone();
    let size = screen.terminal.size()?;
    let model = Model::new(setup, size);
    let result = thread::scope(|scope| {
        let engine = named("engine").spawn_scoped(scope, move || {
            let _last_words = LastWords(events.clone());
            work(session, host, &start, orders, events);
        })?;
        let result = converse(model, &mut screen, messages, commands);
        drop(keys);
        drop(screen);
        match engine.join() {
            Ok(()) => result,
            Err(panic) => panic::resume_unwind(panic),
        }
    });
    drop(signals);
    result
}

fn named(name: &str) -> thread::Builder {
    thread::Builder::new().name(name.to_owned())
}

/// Draws, waits for messages, updates, until it is time to leave. Owns the
/// channels, so that the threads at their other ends notice the end.
fn converse(
    mut model: Model,
    screen: &mut Screen,
    messages: Receiver<Message>,
    commands: Sender<Command>,
) -> io::Result<Farewell> {
    settle(&mut model);
    let mut effects = ask(&mut model);
    loop {
        for effect in effects.drain(..) {
            let command = match effect {
                Effect::Ask(ticket) => Command::Ask(ticket),
                Effect::Resume => Command::Resume,
                Effect::Interrupt => Command::Interrupt,
                Effect::Quit(quit) => return Ok(farewell(&model, quit)),
                Effect::Suspend => {
                    screen.suspend()?;
                    continue;
                }
            };
            if commands.send(command).is_err() {
                return Ok(farewell(&model, Quit::EngineEnded));
            }
        }
        screen.draw(&model)?;
        let Ok(first) = messages.recv() else {
            return Ok(farewell(&model, Quit::EngineEnded));
        };
        effects.extend(update(&mut model, first));
        // What came meanwhile is drawn together.
        for message in messages.try_iter().take(WAITING) {
            effects.extend(update(&mut model, message));
        }
    }
}

fn farewell(model: &Model, quit: Quit) -> Farewell {
    Farewell {
        quit,
        verdict: model.verdict,
    }
}

/// Tells that the engine ended, however it did.
struct LastWords(SyncSender<Message>);

impl Drop for LastWords {
    fn drop(&mut self) {
        // Nobody listens any more: then nobody needs to know.
        let _ = self.0.send(Message::EngineEnded);
    }
}

/// The signals that end or suspend us, as messages.
struct Signalling(signal_hook::iterator::Handle);

impl Signalling {
    fn start(messages: SyncSender<Message>) -> io::Result<Self> {
        let mut signals = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP])?;
        let handle = signals.handle();
        named("signals").spawn(move || {
            for number in signals.forever() {
                let message = match number {
                    SIGTSTP => Message::Suspend,
                    number => Message::Signal(number),
                };
                if messages.send(message).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self(handle))
    }
}

impl Drop for Signalling {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The thread that reads the terminal. Nothing waits for it for long:
/// crossterm reads on and on from a terminal that hung up.
struct Keys {
    done: Arc<AtomicBool>,
    ended: Receiver<()>,
}

impl Keys {
    fn start(messages: SyncSender<Message>) -> io::Result<Self> {
        let done = Arc::new(AtomicBool::new(false));
        let (ends, ended) = mpsc::channel();
        let told = Arc::clone(&done);
        named("keys").spawn(move || {
            let _ends: Sender<()> = ends;
            read_keys(&told, messages);
        })?;
        Ok(Self { done, ended })
    }
}

/// What is typed from now on is for whoever has the terminal next.
impl Drop for Keys {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        // It ends by dropping its side, or not at all.
        let _ = self.ended.recv_timeout(4 * INPUT_SLICE);
    }
}

/// Reads the terminal until told to end. A terminal that cannot be read is
/// gone, which is what SIGHUP says.
fn read_keys(done: &AtomicBool, messages: SyncSender<Message>) {
    while !done.load(Ordering::Relaxed) {
        let ready = event::poll(INPUT_SLICE);
        let message = match ready.and_then(|ready| ready.then(event::read).transpose()) {
            Ok(event) => event.and_then(message),
            Err(_) => Some(Message::Signal(SIGHUP)),
        };
        let Some(message) = message else { continue };
        let ends = matches!(message, Message::Signal(_));
        if messages.send(message).is_err() || ends {
            return;
        }
    }
}

fn message(event: TerminalEvent) -> Option<Message> {
    match event {
        TerminalEvent::Key(key) => pressed(key).map(Message::Key),
        TerminalEvent::Paste(text) => Some(Message::Paste(text)),
        TerminalEvent::Resize(width, height) => Some(Message::Resize(Size::new(width, height))),
        TerminalEvent::FocusGained | TerminalEvent::FocusLost | TerminalEvent::Mouse(_) => None,
    }
}

fn pressed(event: KeyEvent) -> Option<Key> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    Some(match event.code {
        KeyCode::Char(c) if event.modifiers.contains(KeyModifiers::CONTROL) => Key::Control(c),
        KeyCode::Char(c) => Key::Char(c),
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Escape,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Backspace => Key::Backspace,
        _ => return None,
    })
}

/// Whether the terminal is ours at the moment. Static because a panic hook
/// knows nothing else.
static OURS: AtomicBool = AtomicBool::new(false);

/// Gives the terminal back, once.
fn restore() {
    if !OURS.swap(false, Ordering::SeqCst) {
        return;
    }
    // A terminal that is gone needs nothing more.
    let _ = disable_raw_mode();
    let _ = execute!(
        io::stdout(),
        DisableBracketedPaste,
        LeaveAlternateScreen,
        Show
    );
}

/// Standard output while the terminal is ours, and nothing after: ratatui
/// writes once more when it is dropped, and panics if the terminal hung up.
struct Output(Stdout);

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match OURS.load(Ordering::SeqCst) {
            true => self.0.write(bytes),
            false => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match OURS.load(Ordering::SeqCst) {
            true => self.0.flush(),
            false => Ok(()),
        }
    }
}

type Hook = dyn Fn(&PanicHookInfo<'_>) + Send + Sync;

/// The terminal while it is ours.
struct Screen {
    terminal: Terminal<CrosstermBackend<Output>>,
    /// What a panic did before.
    hook: Arc<Hook>,
}

impl Screen {
    fn open() -> io::Result<Self> {
        let hook: Arc<Hook> = Arc::from(panic::take_hook());
        let before = Arc::clone(&hook);
        // A panic's message belongs on the screen that stays.
        panic::set_hook(Box::new(move |info| {
            restore();
            before(info);
        }));
        OURS.store(true, Ordering::SeqCst);
        let opened = Self::take_over();
        if opened.is_err() {
            restore();
            drop(panic::take_hook());
        }
        Ok(Self {
            terminal: opened?,
            hook,
        })
    }

    /// Stops this process as Ctrl-Z does, the terminal given back meanwhile.
    fn suspend(&mut self) -> io::Result<()> {
        restore();
        signal_hook::low_level::emulate_default_handler(SIGTSTP)?;
        OURS.store(true, Ordering::SeqCst);
        self.terminal = Self::take_over()?;
        Ok(())
    }

    fn take_over() -> io::Result<Terminal<CrosstermBackend<Output>>> {
        enable_raw_mode()?;
        // Not ratatui's own way to clear: it asks the terminal where the
        // cursor is, which not every terminal answers.
        let clear = Clear(ClearType::All);
        execute!(
            io::stdout(),
            EnterAlternateScreen,
            EnableBracketedPaste,
            clear
        )?;
        Terminal::new(CrosstermBackend::new(Output(io::stdout())))
    }

    fn draw(&mut self, model: &Model) -> io::Result<()> {
        self.terminal.draw(|frame| view(model, frame))?;
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
        if !thread::panicking() {
            let hook = Arc::clone(&self.hook);
            panic::set_hook(Box::new(move |info| hook(info)));
        }
    }
}
