// Templates, namespaces, members, exceptions: what C++ adds to names and DWARF.
namespace exchange {
template <typename Price, int Depth> class Book {
  public:
    virtual ~Book() {}
    virtual Price best() const { return levels[0]; }
    Price operator[](int at) const { return levels[at % Depth]; }
    static int count;

  protected:
    Price levels[Depth] = {};
};
template <typename Price, int Depth> int Book<Price, Depth>::count = 0;
struct Deep : Book<long, 8> {
    long best() const override { return levels[7] + count; }
    int &reference = count;
};
} // namespace exchange

int main(int count, char **)
{
    exchange::Deep deep;
    exchange::Book<double, 2> shallow;
    exchange::Book<long, 8> &book = deep;
    auto sum = [&](auto add) { return add + book.best() + shallow[count]; };
    try {
        if (count > 5)
            throw count;
    } catch (int thrown) {
        return thrown;
    }
    return static_cast<int>(sum(2) + sum(3.5));
}
