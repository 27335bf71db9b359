from django.core.files.storage import FileSystemStorage


class BadDisk(FileSystemStorage):
    """A disk on which one byte of each file is another than was written."""

    def _save(self, name, content):
        saved = super()._save(name, content)
        with open(self.path(saved), "r+b") as file:  # noqa: PTH123
            file.seek(200)
            byte = file.read(1)
            file.seek(200)
            file.write(bytes([byte[0] ^ 1]))
        return saved
